"""The rows of a completed job as Arrow tables, partition by partition."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from data_juicer.errors import CheckpointCorruptError, CheckpointError, JobError
from data_juicer.formats.registry import FORMATS, LINES, suffix_of
from data_juicer.job.layout import JobLayout
from data_juicer.storage.base import Store
from data_juicer.store.commit import read_checked
from data_juicer.store.export.exported_rows import ExportedRows, read_rows
from data_juicer.store.export.parts import PublishedPart
from data_juicer.store.export.results_manifest import read_parts
from data_juicer.store.manifest import DataFile

if TYPE_CHECKING:
    import pyarrow as pa


def read_batches(store: Store, layout: JobLayout) -> Iterator[pa.Table]:
    """The committed results in input order, one table a partition, with the schema that holds all of them.

    Raises: JobError: the job has no result yet, or a file of it is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = {os.path.join(layout.results_dir, part.file): part for part in _parts(store, layout)}

    exported = ExportedRows(store, layout.results_manifest)

    def read(path: str) -> bytes:
        return _read_part(store, path, parts[path], layout.job_id, exported)

    if any(suffix_of(path) == ".megatron" for path in parts):
        raise JobError(f"the result of {layout.job_id} is tokens, which are no rows; read its export.")
    typed = all(suffix_of(path) == ".parquet" for path in parts)
    merge = FORMATS["parquet"].writer.merges["parquet" if typed else LINES]
    survey = merge.survey(list(parts), read)
    for path in parts:
        sink = pa.BufferOutputStream()
        merge.write([path], read, survey, sink)
        yield pq.read_table(pa.BufferReader(sink.getvalue()))


def _read_checked(store: Store, path: str, part: PublishedPart, exported: ExportedRows) -> bytes:
    """Raises: CheckpointCorruptError."""
    try:
        return read_checked(store, os.path.dirname(path), part.file, part.size_bytes, part.digest)
    except CheckpointCorruptError:
        ranges = exported.find(part.partition, part.size_bytes)
        if ranges is None:
            raise
    file = DataFile(name=part.file, size_bytes=part.size_bytes, digest=part.digest, rows=part.rows)
    return read_rows(store, file, ranges)


def _parts(store: Store, layout: JobLayout) -> tuple[PublishedPart, ...]:
    try:
        return read_parts(store, layout.results_manifest)
    except CheckpointError as error:
        raise JobError(f"{error} Run the job again to publish its result anew.") from error
    except FileNotFoundError as error:
        raise JobError(
            f"{layout.job_id} has no result yet: {layout.results_manifest} is not there."
        ) from error


def _read_part(store: Store, path: str, part: PublishedPart, job_id: str, exported: ExportedRows) -> bytes:
    """The unpacked bytes of one part. Raises: JobError."""
    try:
        data = _read_checked(store, path, part, exported)
    except CheckpointError as error:
        raise JobError(f"{path} is missing or damaged. Run job {job_id} again to compute it anew.") from error
    match path.rpartition(".")[2]:
        case "gz":
            return gzip.decompress(data)
        case "zst":
            import pyarrow as pa

            unpacked: bytes = pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()
            return unpacked
    return data
