"""Known rows of a resolve: the rows of indexes that may be like a row of the job, as tables that come before its own.

They are written into the job, in the form of its own summaries, so that a resolve in shards maps them on every worker; what
shares no key with any row of the job is left out (`ops/dataset/pairs/key_filter.py`). They go when the resolve is committed; a
run that finds it uncommitted makes them again, with the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.engine.index.uses import IndexingJob, IndexUse, pinned_version
from data_juicer.errors import COMMITTED_IS_SAFE, CheckpointError, StoreError
from data_juicer.portable import escape
from data_juicer.store.codec import encode_table
from data_juicer.store.index.segments import BATCH_ROWS, ROW, SOURCE, read_segment, segment_schema
from data_juicer.store.index.versions import Segment
from data_juicer.store.resolve.known_tables import (
    KNOWN_INDEX,
    KNOWN_JOB,
    KNOWN_SOURCE,
    KNOWN_SOURCE_ROW,
    KnownTables,
)
from data_juicer.store.staging import stage_file
from data_juicer.store.summaries import ORIGIN, SummaryFiles

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.ops.dataset.pairs.key_filter import KeyFilter
    from data_juicer.ops.dataset.pairs.remover import PairRemover
    from data_juicer.store.manifest import DataFile

_FILTER_SHARE: Final = 2
"""Of the memory of a resolve, which does nothing else meanwhile, the filter of keys may take one of so many parts."""


class Found(msgspec.Struct, kw_only=True):
    """What was read and what of it is used."""

    rows: int = 0
    rows_used: int = 0


def stage_known_rows(
    job: IndexingJob, use: IndexUse, operator: PairRemover, summaries: SummaryFiles, memory_bytes: int
) -> tuple[KnownTables, Found]:
    """Write the rows of all indexes that a deduplicator compares with, as far as they may meet a row of the job.

    Args:
        summaries: of the job alone.
        memory_bytes: of the resolve.
    Raises: DamagedSummaryError. StoreError: an index cannot be read, or is not what the job began with.
    """
    found = Found()
    if not any(pin.version for pin in use.against) or not sum(summaries.rows):
        return KnownTables(), found
    job.store.make_own_dir(job.layout.shards_dir)
    keys = _filter(operator, summaries, memory_bytes // _FILTER_SHARE, job.heartbeat)
    files: list[DataFile] = []
    try:
        for table in _in_tables(_rows(job, use, operator, keys, found)):
            path = job.layout.known_rows(use.operator_index, len(files), job.run)
            files.append(stage_file(job.store, path, encode_table(table, "arrow", "none"), table.num_rows))
    except CheckpointError as error:
        raise StoreError(
            f"{use.operator_name}: an index that rows are compared with cannot be used: {error}",
            f"{COMMITTED_IS_SAFE}; bring the index back, and start the job again.",
        ) from error
    return KnownTables(directory=job.layout.shards_dir, files=tuple(files)), found


def _filter(
    operator: PairRemover, summaries: SummaryFiles, memory_bytes: int, heartbeat: Callable[[], None]
) -> KeyFilter:
    from data_juicer.ops.dataset.pairs.key_filter import KeyFilter

    keys = KeyFilter(sum(summaries.rows) * operator.passes, memory_bytes)
    for table in summaries:
        for each in operator.meeting_keys(table):
            keys.add(each)
            heartbeat()
    return keys


def _rows(
    job: IndexingJob, use: IndexUse, operator: PairRemover, keys: KeyFilter, found: Found
) -> Iterator[pa.Table]:
    """The tables of known rows, as they are read; counted in `found`."""
    import numpy as np
    import pyarrow as pa

    schema = segment_schema(operator.index_columns())
    for path, job_id, segment in _earlier_segments(job, use):
        for table in read_segment(job.store, path, segment, schema, job.heartbeat):
            met = np.flatnonzero(keys.may_meet(operator.meeting_keys(table), table.num_rows))
            found.rows += table.num_rows
            found.rows_used += len(met)
            if len(met):
                yield _known(operator, table.take(pa.array(met)), path, job_id)


def _earlier_segments(job: IndexingJob, use: IndexUse) -> Iterator[tuple[str, str, Segment]]:
    """What other jobs added to each index: its path, the id of the job, a segment."""
    for pin in use.against:
        if not pin.version:
            continue
        for addition in pinned_version(job.store, pin).additions:
            if addition.job_uuid != job.job_uuid:
                yield from ((pin.path, addition.job, segment) for segment in addition.segments)


def _known(operator: PairRemover, rows: pa.Table, path: str, job: str) -> pa.Table:
    """The table of known rows: their summary, and where each comes from."""
    import pyarrow as pa

    summary = operator.known_summary(rows.select(operator.index_columns().names).combine_chunks())
    columns = {
        ORIGIN: pa.repeat(pa.scalar(-1, pa.int32()), rows.num_rows),
        KNOWN_INDEX: pa.repeat(escape(path), rows.num_rows),
        KNOWN_JOB: pa.repeat(escape(job), rows.num_rows),
        KNOWN_SOURCE: rows.column(SOURCE),
        KNOWN_SOURCE_ROW: rows.column(ROW),
    }
    for name, column in columns.items():
        summary = summary.append_column(name, column)
    return summary


def _in_tables(parts: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of one chunk each, of at least BATCH_ROWS rows but for the last."""
    import pyarrow as pa

    tables: list[pa.Table] = []
    rows = 0
    for part in parts:
        tables.append(part)
        rows += part.num_rows
        if rows >= BATCH_ROWS:
            yield pa.concat_tables(tables).combine_chunks()
            tables, rows = [], 0
    if rows:
        yield pa.concat_tables(tables).combine_chunks()
