"""Segments of an index: Parquet files with the keys of rows, and where each row was when it was added.

A segment has the columns by which rows are compared, and `source` and `row`: the file that a row came from, and its number in
that file from 0, -1 where an operator had made it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import xxhash

from data_juicer.errors import CheckpointCorruptError
from data_juicer.storage.base import Store
from data_juicer.storage.files import Data, Upload
from data_juicer.store.commit import check_file
from data_juicer.store.index.versions import Segment, segments_dir

if TYPE_CHECKING:
    import pyarrow as pa

SOURCE: Final = "source"
ROW: Final = "row"
BATCH_ROWS: Final = 1 << 16
"""Rows of a row group, and of what is read at once."""
_ROWS_MAX: Final = 1 << 19
"""Of a segment."""
_GROUP_BYTES_MAX: Final = 1 << 31
"""Of a row group, uncompressed: more is no segment of ours."""


def segment_schema(columns: pa.Schema) -> pa.Schema:
    """
    Args:
        columns: by which rows are compared.
    """
    import pyarrow as pa

    return columns.append(pa.field(SOURCE, pa.string())).append(pa.field(ROW, pa.int64()))


class _Digesting:
    """A binary file that an upload is written through."""

    closed = False

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self.state = xxhash.xxh3_128()

    def write(self, data: Data) -> int:
        self.state.update(data)
        return self._upload.write(data)

    def tell(self) -> int:
        return self._upload.tell()

    def flush(self) -> None:
        """`seal` makes bytes durable."""

    def close(self) -> None:
        """The upload is closed by who began it."""


def stage_segments(
    store: Store, path: str, prefix: str, schema: pa.Schema, tables: Iterator[pa.Table]
) -> tuple[Segment, ...]:
    """Write rows durably, as segments that no version names yet.

    Args:
        path: of the index.
        prefix: of the names of its files; nobody else's begin with it.
    Raises: StoreError.
    """
    store.make_dirs(segments_dir(path))
    staged: list[Segment] = []
    batches = _in_batches(tables)
    while (first := next(batches, None)) is not None:
        name = f"{prefix}.{len(staged):05d}.parquet"
        staged.append(_stage(store, os.path.join(segments_dir(path), name), schema, first, batches))
    return tuple(staged)


def _in_batches(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows, BATCH_ROWS at a time but for the last."""
    import pyarrow as pa

    waiting: list[pa.Table] = []
    rows = 0
    for table in tables:
        waiting.append(table)
        rows += table.num_rows
        if rows >= BATCH_ROWS:
            together = pa.concat_tables(waiting)
            whole = rows - rows % BATCH_ROWS
            for start in range(0, whole, BATCH_ROWS):
                yield together.slice(start, BATCH_ROWS)
            rest = together.slice(whole).combine_chunks()
            waiting, rows = [rest], rest.num_rows
    if rows:
        yield pa.concat_tables(waiting)


def _stage(store: Store, path: str, schema: pa.Schema, first: pa.Table, more: Iterator[pa.Table]) -> Segment:
    import pyarrow.parquet as pq

    rows, batch = 0, first
    with store.open_write(path) as upload:
        sink = _Digesting(upload)
        compression = {name: "zstd" if name in {SOURCE, ROW} else "none" for name in schema.names}
        with pq.ParquetWriter(
            sink,
            schema,
            compression=compression,
            use_dictionary=[SOURCE],
            write_statistics=False,
        ) as writer:
            while True:
                writer.write_table(batch.combine_chunks(), row_group_size=BATCH_ROWS)
                rows += batch.num_rows
                following = next(more, None) if rows + BATCH_ROWS <= _ROWS_MAX else None
                if following is None:
                    break
                batch = following
        size_bytes = upload.tell()
    digest = str(sink.state.hexdigest())
    return Segment(file=os.path.basename(path), size_bytes=size_bytes, digest=digest, rows=rows)


def read_segment(
    store: Store, path: str, segment: Segment, schema: pa.Schema, heartbeat: Callable[[], None]
) -> Iterator[pa.Table]:
    """The rows of a segment, at most BATCH_ROWS at a time, once all of it has been checked.

    Args:
        path: of the index.
        schema: see `segment_schema`.
    Raises: CheckpointCorruptError: it is missing, or not what was committed. StoreError.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = os.path.join(segments_dir(path), segment.file)
    data = _checked_bytes(store, name, segment)
    heartbeat()
    try:
        file = pq.ParquetFile(pa.BufferReader(pa.py_buffer(data)))
        _check_shape(file, name, segment, schema)
        for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
            heartbeat()
            yield pa.Table.from_batches([batch]).cast(schema)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CheckpointCorruptError(f"{name}: damaged: no segment of an index ({error}).") from error


def check_segment(store: Store, path: str, segment: Segment) -> None:
    """Read all of its bytes. Raises: CheckpointCorruptError: it is missing, or not what was committed. StoreError."""
    _checked_bytes(store, os.path.join(segments_dir(path), segment.file), segment)


def _checked_bytes(store: Store, name: str, segment: Segment) -> Data:
    try:
        data = store.map(name)
    except FileNotFoundError as error:
        raise CheckpointCorruptError(f"{name} is missing.") from error
    check_file(data, name, segment.size_bytes, segment.digest)
    return data


def _check_shape(file: object, name: str, segment: Segment, schema: pa.Schema) -> None:
    metadata = file.metadata  # type: ignore[attr-defined]
    if not file.schema_arrow.equals(schema):  # type: ignore[attr-defined]
        raise CheckpointCorruptError(f"{name}: its columns are not those of the operator that reads it.")
    if metadata.num_rows != segment.rows:
        raise CheckpointCorruptError(
            f"{name}: {metadata.num_rows:,} rows, its version says {segment.rows:,}."
        )
    groups: Sequence[int] = [
        metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)
    ]
    if any(size > _GROUP_BYTES_MAX for size in groups):
        raise CheckpointCorruptError(f"{name}: a row group of {max(groups):,} bytes is none of ours.")
