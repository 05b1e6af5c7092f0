"""What a job adds to an index: the keys of the rows that its deduplicator kept.

They are staged when the decisions are made, under names that no version of the index has; the manifest of the resolve names them.
A version names them when the job is complete: from then on other jobs see them. A run that is killed in between finds what it
staged, and commits it once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from data_juicer.clock import Clock, format_utc
from data_juicer.engine.index.uses import IndexingJob, IndexUse, pinned_version, segment_prefix
from data_juicer.errors import CheckpointError, StoreError
from data_juicer.formats.places import rows_in_sources
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.store.decisions import Decision, IndexedRows, ResolveManifest, read_decision
from data_juicer.store.index.segments import ROW, SOURCE, segment_schema, stage_segments
from data_juicer.store.index.versions import (
    Addition,
    IndexVersion,
    commit_addition,
    find_newest,
    find_unnamed,
    segments_dir,
)
from data_juicer.store.summaries import SummaryFiles, source_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.ops.dataset.pairs.remover import PairRemover


def stage_kept_rows(
    job: IndexingJob,
    use: IndexUse,
    operator: PairRemover,
    summaries: SummaryFiles,
    decisions: Sequence[Decision],
    partitions: Sequence[PartitionSpec],
) -> IndexedRows | None:
    """Write the keys of the rows that stay into the index that they are added to; None where there is none.

    Args:
        decisions, partitions: in the order of the input.
    Raises: StoreError, DamagedSummaryError.
    """
    if use.target is None:
        return None

    def tables() -> Iterator[pa.Table]:
        for position, (spec, decision) in enumerate(zip(partitions, decisions, strict=True)):
            job.heartbeat()
            keep = read_decision(job.store, job.layout.checkpoints_dir, decision).column("keep")
            summary = summaries.whole_summary(position)
            yield _indexed(operator, summary, spec).filter(keep)

    prefix = f"{segment_prefix(job.job_uuid, use.operator_index)}.r{job.run}"
    segments = stage_segments(
        job.store, use.target, prefix, segment_schema(operator.index_columns()), tables()
    )
    return IndexedRows(path=use.target, segments=segments, rows=sum(segment.rows for segment in segments))


def _indexed(operator: PairRemover, summary: pa.Table, spec: PartitionSpec) -> pa.Table:
    """What an index holds of all rows of a partition."""
    sources, rows = rows_in_sources(source_rows(summary), [spec] * summary.num_rows)
    return operator.indexed(summary).append_column(SOURCE, sources).append_column(ROW, rows)


def is_added(job: IndexingJob, use: IndexUse, key: str) -> bool:
    """Whether the index has what this deduplicator adds, from rows with this key. Raises: CheckpointError, StoreError."""
    newest = find_newest(job.store, use.target) if use.target else None
    return newest is not None and any(
        each.is_of(job.job_uuid, use.operator_index) and each.key == key for each in newest.additions
    )


def commit_kept_rows(
    job: IndexingJob, use: IndexUse, resolve: ResolveManifest, clock: Clock
) -> tuple[IndexVersion, tuple[str, ...]]:
    """Make what a job staged a version of the index, once; other files that it staged there go.

    Returns: the version that has it, and the jobs that added to the index while this one ran, whose rows it was not compared with.
    Raises: StoreError.
    """
    indexed = resolve.indexed
    if indexed is None:
        raise ValueError(f"the resolve of {resolve.operator_name} has nothing for an index")
    addition = Addition(
        job=job.layout.job_id,
        job_uuid=job.job_uuid,
        operator_index=use.operator_index,
        key=resolve.key,
        rows_in=sum(decision.rows for decision in resolve.decisions),
        rows=indexed.rows,
        compared_with=tuple(pin for pin in use.against if pin.version),
        segments=indexed.segments,
        created=format_utc(clock.now()),
    )
    try:
        version = commit_addition(job.store, indexed.path, use.keys, addition)
        prefix = f"{segment_prefix(job.job_uuid, use.operator_index)}."
        litter = find_unnamed(job.store, indexed.path, prefix)
    except CheckpointError as error:
        raise StoreError(f"dedup_index: {error}") from error
    directory = segments_dir(indexed.path)
    job.store.remove_all([f"{directory}/{name}" for name in litter])
    return version, _jobs_since(job, version, use)


def _jobs_since(job: IndexingJob, version: IndexVersion, use: IndexUse) -> tuple[str, ...]:
    """Jobs whose rows are in the version, and in nothing that this job was compared with."""
    pin = next((pin for pin in use.against if pin.path == use.target), None)
    seen = set()
    if pin is not None and pin.version:
        seen = {(each.job_uuid, each.key) for each in pinned_version(job.store, pin).additions}
    return tuple(
        each.job
        for each in version.additions
        if each.job_uuid != job.job_uuid and (each.job_uuid, each.key) not in seen
    )
