"""What the page knows of a job, as one document: made of its summary, its manifests and its events, live or ended."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime

import msgspec

from data_juicer.clock import parse_utc
from data_juicer.errors import DataJuicerError
from data_juicer.events.view import JobView
from data_juicer.job.names import committed_results, parse_checkpoint_name
from data_juicer.monitor.facts import OperatorLine, operator_lines
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.progress import format_duration, format_left, progress_of
from data_juicer.monitor.views.phases import format_phase
from data_juicer.monitor.views.reuse import causes, format_cause
from data_juicer.plan.resume.report import decode_resume_report
from data_juicer.printable import printable
from data_juicer.web.history import HistoryFold, Notice, Resources, Span

_REASONS_MAX = 10
_SLOWEST = 10


class RunLine(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    started: str
    stopped: str | None
    took: str
    where: str
    outcome: str


class OperatorRow(OperatorLine, frozen=True, kw_only=True):
    """One operator: what became of its rows, and seconds of workers by run."""

    index: int
    seconds_by_run: dict[int, float]


class WorkerLane(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    partition: int | None = None
    """What it works on; None where it waits."""
    operator: str | None = None
    since_s: float | None = None


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """What the last run reused, and why not the rest."""

    run: int
    partitions_done: int
    partitions_begun: int
    partitions_anew: int
    after: dict[str, int]
    """Operator -> how many partitions went on after it."""
    causes: tuple[str, ...]
    """Why committed work was not used, a sentence each, the most frequent first."""


class SlowPartition(msgspec.Struct, frozen=True, kw_only=True):
    partition: int
    busy_s: float


class JobDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Times are seconds since 1970 where they are numbers."""

    job_id: str
    job_dir: str
    status: str
    is_alive: bool
    created: str
    reason: str | None
    last_error: str | None
    export_path: str | None
    resume_command: str
    share: float
    phase: str
    left: str | None
    rows_per_s: float | None
    partitions: int
    partitions_done: int
    partitions_failed: int
    rows: int
    rows_done: int
    rows_out: int
    rows_dead_letter: int
    retries: int
    copies_started: int
    copies_won: int
    operators: tuple[OperatorRow, ...]
    runs: tuple[RunLine, ...]
    lanes: tuple[WorkerLane, ...]
    spans: tuple[Span, ...]
    resources: tuple[Resources, ...]
    checkpoint_s: float
    operator_s: float
    checkpoint_bytes: int
    slowest: tuple[SlowPartition, ...]
    notices: tuple[Notice, ...]
    warnings: tuple[str, ...]
    explained: Explained | None
    is_history_read: bool
    """False while the log is still being read: lanes, resources and times are not there yet."""
    time_s: float
    states: str | None = None
    """A letter a partition, see `history`; None where only what changed is sent."""
    changed: tuple[tuple[int, str], ...] = ()
    """Partitions whose state changed since the document before, with their letters."""


def make_document(
    job: JobHandle, view: JobView, history: HistoryFold, now: datetime, *, is_history_read: bool
) -> JobDocument:
    """Raises: StoreError."""
    is_alive = job.is_alive(now)
    progress = progress_of(view, now, is_alive=is_alive)
    summary, names = job.summary, {index: ledger.name for index, ledger in view.operators.items()}
    return JobDocument(
        job_id=printable(job.job_id),
        job_dir=printable(job.layout.job_dir),
        status=job.status(now),
        is_alive=is_alive,
        created=summary.created,
        reason=None if summary.reason is None else printable(summary.reason),
        last_error=None if view.last_error is None or summary.reason else printable(view.last_error),
        export_path=None if summary.export_path is None else printable(summary.export_path),
        resume_command=printable(summary.resume_command),
        share=progress.share,
        phase=format_phase(progress.phase) if progress.partitions else "",
        left=format_left(progress.left) if progress.left else None,
        rows_per_s=progress.rows_per_s,
        partitions=view.partitions or summary.counts.partitions,
        partitions_done=view.partitions_done or summary.counts.partitions_done,
        partitions_failed=len(view.partitions_failed),
        rows=view.rows or summary.counts.rows,
        rows_done=view.rows_done or summary.counts.rows_done,
        rows_out=view.rows_out or summary.counts.rows_out,
        rows_dead_letter=view.rows_dead_letter or summary.counts.rows_dead_letter,
        retries=view.retries,
        copies_started=view.copies_started,
        copies_won=view.copies_won,
        operators=_operators(view, history),
        runs=tuple(
            RunLine(
                number=run.number,
                started=run.started,
                stopped=run.stopped,
                took=_took(run.started, run.stopped),
                where=printable(f"pid {run.pid} on {run.host}"),
                outcome=run.outcome.value
                if run.stopped or (is_alive and run is summary.runs[-1])
                else "interrupted",
            )
            for run in summary.runs
        ),
        lanes=_lanes(history, names),
        spans=tuple(history.spans),
        resources=tuple(history.resources),
        checkpoint_s=view.checkpoint_s,
        operator_s=view.operator_s,
        checkpoint_bytes=view.checkpoint_bytes,
        slowest=_slowest(history),
        notices=tuple(history.notices),
        warnings=tuple(map(printable, view.warnings)),
        explained=_explained(job, names),
        is_history_read=is_history_read,
        time_s=now.timestamp(),
    )


def committed_partitions(job: JobHandle) -> tuple[set[int], set[int]]:
    """Partitions with a committed result, and others with a checkpoint, from names alone. Raises: StoreError."""
    done = committed_results(job.store.list(job.layout.results_dir))
    checkpoints = map(parse_checkpoint_name, job.store.list(job.layout.checkpoints_dir))
    saved = {name.partition_id for name in checkpoints if name is not None and name.attempt is None}
    return done, saved - done


def _operators(view: JobView, history: HistoryFold) -> tuple[OperatorRow, ...]:
    indices = sorted(view.operators)
    lines = operator_lines([view.operators[index] for index in indices])
    return tuple(
        OperatorRow(
            **(msgspec.structs.asdict(line) | {"name": printable(line.name)}),
            index=index,
            seconds_by_run=dict(sorted(history.operator_s.get(index, {}).items())),
        )
        for index, line in zip(indices, lines, strict=True)
    )


def _lanes(history: HistoryFold, names: dict[int, str]) -> tuple[WorkerLane, ...]:
    by_worker = {now.worker: (partition, now) for partition, now in history.running.items()}
    lanes = []
    for name, worker in history.workers.items():
        if worker not in by_worker:
            lanes.append(WorkerLane(name=name))
            continue
        partition, now = by_worker[worker]
        operator = printable(names.get(now.operation_idx, "reading"))
        lanes.append(WorkerLane(name=name, partition=partition, operator=operator, since_s=now.since_s))
    return tuple(lanes)


def _slowest(history: HistoryFold) -> tuple[SlowPartition, ...]:
    import heapq

    longest = heapq.nlargest(_SLOWEST, enumerate(history.busy_s), key=lambda each: each[1])
    return tuple(
        SlowPartition(partition=partition, busy_s=round(busy_s, 3))
        for partition, busy_s in longest
        if busy_s > 0
    )


def _explained(job: JobHandle, names: dict[int, str]) -> Explained | None:
    path = job.layout.resume_report
    try:
        report = decode_resume_report(job.store.read(path), path)
    except (FileNotFoundError, DataJuicerError):
        return None
    begun = len(report.continued)
    after = Counter(printable(names.get(index, str(index))) for index in report.continued.values())
    why = itertools.islice(causes(report), _REASONS_MAX)
    return Explained(
        run=report.run,
        partitions_done=report.partitions_done,
        partitions_begun=begun,
        partitions_anew=report.partitions_pending - begun,
        after=dict(after.most_common(_REASONS_MAX)),
        causes=tuple(printable(format_cause(cause, report.operators)) for cause in why),
    )


def _took(started: str, stopped: str | None) -> str:
    begin, end = parse_utc(started), parse_utc(stopped or "")
    return "" if begin is None or end is None else format_duration(max(0.0, (end - begin).total_seconds()))
