"""Parquet -> fragments: whole row groups where they are, or slices copied out of row groups that are too large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
import pyarrow as pa

from data_juicer.formats.base import Fragment, SharedScan
from data_juicer.formats.parquet.file import (
    InputFile,
    byte_range,
    digest_pages,
    group_bounds,
    open_file,
    read_groups,
    row_groups,
)
from data_juicer.formats.parquet.sizes import refuse_bombs, refuse_lies, refuse_more, rows_within
from data_juicer.formats.tables.encode import parquet_bytes
from data_juicer.formats.tables.normal import normal_table
from data_juicer.formats.tables.slices import Slice, slices

if TYPE_CHECKING:
    import pyarrow.parquet as pq

    from data_juicer.formats.base import FragmentLimits, SourceFile
    from data_juicer.storage.base import Store


def scan_row_groups(store: Store, source: SourceFile, limits: FragmentLimits) -> list[Fragment] | None:
    """The fragments of a file, as many whole row groups in each as fit; None where a row group is too large for one.

    Raises: InputError: the file is no whole Parquet file.
    """
    with open_file(store, source.path) as file:
        refuse_bombs(source.path, file.parquet)
        outlined = _whole_groups(source, file, limits)
        return None if outlined is None else [_digested(file, fragment) for fragment in outlined]


class _GroupOutline:
    """See `formats.base.Outline`: the end of the file tells everything."""

    def __init__(self, store: Store, source: SourceFile, limits: FragmentLimits) -> None:
        self._store = store
        self._source = source
        self._limits = limits

    def add(self, survey: bytes) -> list[Fragment]:
        return []

    def finish(self) -> list[Fragment] | None:
        """Raises: InputError: the file is no whole Parquet file."""
        with open_file(self._store, self._source.path) as file:
            refuse_bombs(self._source.path, file.parquet)
            return _whole_groups(self._source, file, self._limits)


def _digests(store: Store, source: SourceFile, fragments: Sequence[Fragment]) -> list[str]:
    with open_file(store, source.path) as file:
        return [_digested(file, fragment).digest for fragment in fragments]


_READ_AHEAD: Final = 4
"""Rows that are read at once take at most so many times the bytes of a fragment."""

SHARED: Final = SharedScan(outline=_GroupOutline, digest=_digests)


def _whole_groups(source: SourceFile, file: InputFile, limits: FragmentLimits) -> list[Fragment] | None:
    """Fragments without their digests."""
    metadata = file.parquet.metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    sizes = [group.total_byte_size for group in groups]
    if any(
        group.num_rows > limits.rows_max or (size > limits.size_bytes_max and group.num_rows > 1)
        for group, size in zip(groups, sizes, strict=True)
    ):
        return None
    room = rows_within(file, _READ_AHEAD * limits.size_bytes_max)
    if any(group.num_rows > rows for group, rows in zip(groups, room, strict=True)):
        return None
    fragments: list[Fragment] = []
    first = row_start = rows = size = 0
    for number, group in enumerate(groups):
        if rows and (rows + group.num_rows > limits.rows_max or size + sizes[number] > limits.size_bytes_max):
            fragments.append(_outlined(source, file, range(first, number), row_start, rows))
            first, row_start, rows, size = number, row_start + rows, 0, 0
        rows += group.num_rows
        size += sizes[number]
    if rows:
        fragments.append(_outlined(source, file, range(first, len(groups)), row_start, rows))
    return fragments


def unpack_slices(
    store: Store, source: SourceFile, limits: FragmentLimits
) -> Iterator[tuple[Fragment, bytes]]:
    """The rows of a file in slices that fit, each as a Parquet file of its own with the fragment that it is.

    Memory: the rows of one slice, and one row group as Parquet pages it in.
    """
    row_start = 0
    with open_file(store, source.path) as file:
        refuse_bombs(source.path, file.parquet)
        rows_at_once = min([limits.rows_max, *rows_within(file, _READ_AHEAD * limits.size_bytes_max)])
        for part in _slices(source, file.parquet, limits, rows_at_once):
            data = parquet_bytes(part.table)
            fragment = Fragment(
                source=source.index,
                row_start=row_start,
                row_stop=row_start + part.rows,
                byte_start=0,
                byte_stop=len(data),
                digest=digest_pages(data, part.table.schema),
                groups=row_groups(file.parquet, row_start, row_start + part.rows),
            )
            yield fragment, data
            row_start += part.rows


def _slices(
    source: SourceFile, file: pq.ParquetFile, limits: FragmentLimits, rows_at_once: int
) -> Iterator[Slice]:
    given = 0
    for table in _tables(source.path, file, rows_at_once):
        given += table.nbytes
        refuse_more(source.path, given, source.size_bytes)
        yield from slices(table, limits)


def _tables(path: str, file: pq.ParquetFile, rows_at_once: int) -> Iterator[pa.Table]:
    """The rows of a file in order.

    Raises: InputError: a column is damaged or of a type that Arrow cannot read.
    """
    rows = 0
    try:
        for batch in file.iter_batches(batch_size=rows_at_once, use_threads=False):
            rows += batch.num_rows
            yield pa.Table.from_batches([batch])
    except (pa.ArrowException, OSError):
        starts = group_bounds(file)
        for group, start in enumerate(
            starts[:-1]
        ):  # one at a time some more types can be read; or it says what is wrong
            if starts[group + 1] > rows:
                table = normal_table(read_groups(path, file, [group]))
                yield table.slice(max(0, rows - start))


def _outlined(source: SourceFile, file: InputFile, groups: range, row_start: int, rows: int) -> Fragment:
    start, stop = byte_range(file.parquet, groups)
    return Fragment(
        source=source.index,
        row_start=row_start,
        row_stop=row_start + rows,
        byte_start=start,
        byte_stop=stop,
        digest="",
        groups=row_groups(file.parquet, row_start, row_start + rows),
    )


def _digested(file: InputFile, fragment: Fragment) -> Fragment:
    pages = file.pages(fragment.byte_start, fragment.byte_stop)
    refuse_lies(file, fragment, pages)
    return msgspec.structs.replace(fragment, digest=digest_pages(pages, file.parquet.schema_arrow))
