"""Arrow IPC files and streams as input. Their rows are copied in slices, since a record batch may be as large as the file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import xxhash

from data_juicer.errors import InputError, UnreadableSourceError
from data_juicer.formats.arrow.bounds import check_bounds
from data_juicer.formats.base import Fragment, ReadRows, read_range, reading_input, source_changed
from data_juicer.formats.tables.encode import arrow_bytes
from data_juicer.formats.tables.normal import normal_table
from data_juicer.formats.tables.read import check_columns, only_columns, only_long_row, read_rows
from data_juicer.formats.tables.slices import long_row_bytes, slices
from data_juicer.storage.arrow_file import RangedFile, arrow_file

if TYPE_CHECKING:
    from data_juicer.formats.base import FragmentLimits, SourceFile
    from data_juicer.storage.base import Store

_MAGIC = b"ARROW1"


def unpack(store: Store, source: SourceFile, limits: FragmentLimits) -> Iterator[tuple[Fragment, bytes]]:
    """The rows of a file or stream in slices that fit, each as an Arrow file of its own.

    Raises: InputError: it is damaged.
    """
    row_start = 0
    with _opened(store, source) as (_, batches):
        for table in batches:
            for part in slices(table, limits):
                data = arrow_bytes(part.table, "zstd")
                yield _fragment(source, row_start, part.rows, data), data
                row_start += part.rows


def _fragment(source: SourceFile, row_start: int, rows: int, data: bytes) -> Fragment:
    return Fragment(
        source=source.index,
        row_start=row_start,
        row_stop=row_start + rows,
        byte_start=0,
        byte_stop=len(data),
        digest=xxhash.xxh3_128_hexdigest(data),
    )


def read_fragment(
    store: Store,
    path: str,
    fragment: Fragment,
    text_keys: tuple[str, ...],
    *,
    row_bytes_max: int,
    offset: int | None = None,  # noqa: ARG001 - always a copy
    null_is_empty: bool = False,
) -> ReadRows:
    """See `formats.base.FragmentReader`. `path` is a copy that `unpack` made."""
    data = read_range(store, path, 0, fragment.copy_bytes)
    if xxhash.xxh3_128_hexdigest(data) != fragment.digest:
        rows = f"rows {fragment.row_start:,} to {fragment.row_stop:,}"
        raise source_changed(path, f"{rows} are not those of the scan")
    table = pa.ipc.open_file(pa.BufferReader(data)).read_all()
    if size_bytes := long_row_bytes(table.schema):
        return only_long_row(path, table, fragment, text_keys, (size_bytes, row_bytes_max))
    return read_rows(path, table, fragment, text_keys, row_bytes_max, null_is_empty=null_is_empty)


def check(store: Store, source: SourceFile, text_keys: Sequence[str]) -> None:
    """See `formats.base.InputFormat.check`."""
    if source.size_bytes:
        with _opened(store, source) as (schema, _):
            check_columns(source.path, schema, text_keys)


@contextlib.contextmanager
def _opened(store: Store, source: SourceFile) -> Iterator[tuple[pa.Schema, Iterator[pa.Table]]]:
    """Schema and record batches of the columns that are read."""
    path = source.path
    with reading_input(path), store.open_read(path) as reader:
        is_file = reader.read(0, len(_MAGIC)) == _MAGIC
        ranged = arrow_file(RangedFile(reader))
        try:
            opened = pa.ipc.open_file(ranged) if is_file else pa.ipc.open_stream(ranged)
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise UnreadableSourceError(
                f"{path}: holds no Arrow file or stream ({reason}). Nothing was changed."
            ) from error
        schema = only_columns(path, opened.schema, source.options.columns)
        yield schema, _tables(path, opened, schema, is_file=is_file)


def _tables(path: str, opened: Any, schema: pa.Schema, *, is_file: bool) -> Iterator[pa.Table]:
    """Record batches. What they claim of themselves is checked before it is used: a file may lie about its lengths."""
    rows = 0
    try:
        batches = map(opened.get_batch, range(opened.num_record_batches)) if is_file else iter(opened)
        for batch in batches:
            if len(schema) < len(batch.schema):
                batch = batch.select(schema.names)  # noqa: PLW2901 - what is left of it
            for column in batch.columns:
                check_bounds(column)
            yield normal_table(pa.Table.from_batches([batch]))
            rows += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path}: is damaged after row {rows:,} ({reason}). Nothing was processed. Replace the file."
        ) from error
