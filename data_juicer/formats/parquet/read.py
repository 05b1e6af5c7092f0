"""Rows of a Parquet fragment, which is one or more whole row groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from data_juicer.formats.base import Fragment, ReadRows, source_changed
from data_juicer.formats.parquet.file import InputFile, digest_pages, group_bounds, open_file, read_groups
from data_juicer.formats.tables.read import check_columns, only_long_row, read_rows
from data_juicer.formats.tables.slices import long_row_bytes
from data_juicer.storage.base import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow.parquet as pq

    from data_juicer.formats.base import SourceFile

_OVERHEAD_BYTES: Final = 1 << 16
"""Of page headers and statistics in what a row group says of its size."""


def read_fragment(
    store: Store,
    path: str,
    fragment: Fragment,
    text_keys: tuple[str, ...],
    *,
    row_bytes_max: int,
    offset: int | None = None,
    null_is_empty: bool = False,
) -> ReadRows:
    """See `formats.base.FragmentReader`. `offset` is given for copies, which hold one fragment each.

    A row is as long as its values are in Arrow.

    Raises: InputError: also where a text key names no column of strings.
    """
    with open_file(store, path, fragment.columns) as file:
        _check_digest(file, fragment)
        parquet = file.parquet
        groups = _groups_of(parquet, fragment) if offset is None else range(parquet.metadata.num_row_groups)
        size = sum(map(file.size_bytes, groups))
        if offset is not None and (size_bytes := long_row_bytes(parquet.schema_arrow)):
            beginning = read_groups(file, groups)
            return only_long_row(path, beginning, fragment, text_keys, (size_bytes, row_bytes_max))
        if fragment.rows == 1 and size > row_bytes_max + _OVERHEAD_BYTES:
            nothing = read_groups(file, ())
            return only_long_row(path, nothing, fragment, text_keys, (size, row_bytes_max))
        table = read_groups(file, groups)
    return read_rows(path, table, fragment, text_keys, row_bytes_max, null_is_empty=null_is_empty)


def check_text_columns(store: Store, source: SourceFile, text_keys: Sequence[str]) -> None:
    """Raises: InputError: the file is no Parquet file, or a text key names no column of strings in it."""
    with open_file(store, source.path, source.options.columns) as file:
        check_columns(source.path, file.schema, text_keys)


def _groups_of(file: pq.ParquetFile, fragment: Fragment) -> range:
    bounds = group_bounds(file)
    inside = [
        number
        for number in range(len(bounds) - 1)
        if fragment.row_start <= bounds[number] and bounds[number + 1] <= fragment.row_stop
    ]
    return range(inside[0], inside[-1] + 1)


def _check_digest(file: InputFile, fragment: Fragment) -> None:
    pages = file.pages(fragment)
    if digest_pages((data for _, data in pages), file.schema) != fragment.digest:
        rows = f"rows {fragment.row_start:,} to {fragment.row_stop:,}"
        raise source_changed(file.path, f"{rows} are not those of the scan")
