"""What the events of a job come to: one fold, for the progress bar, dj-jobs and metrics, of live and of ended jobs. Pure.

The ledger of operators holds what is committed: what an attempt did is not counted until its checkpoint or its partition
is, and a run starts from what the manifests recorded (`Plan.operators`), so that neither a retry nor a lost log makes it wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from data_juicer.clock import format_utc, parse_utc
from data_juicer.events import payloads
from data_juicer.events import types as t
from data_juicer.events.payloads import SET_ASIDE
from data_juicer.events.text import describe, reason_of
from data_juicer.job.summary import JobStatus
from data_juicer.store.ledger import OperatorLedger, add_ledgers

_WARNINGS_MAX: Final = 20
_CAUSES_MAX: Final = 20
OTHER_CAUSES: Final = "other causes"


class RunningPartition(msgspec.Struct, omit_defaults=True):
    """A partition of which an attempt has begun."""

    attempt: str
    operation_idx: int
    """The operator it is at."""
    worker: str = ""
    node: str = ""
    began: str = ""
    """When the attempt began, and when the operator did; ISO 8601 in UTC."""
    operation_began: str = ""
    size_bytes: int = 0
    """Of the partition in the input."""
    ledgers: dict[int, OperatorLedger] = msgspec.field(default_factory=dict)
    """Of operators that this run applied to it and no commit has settled."""


class BoundaryView(msgspec.Struct):
    """A dataset operator, at which every partition waits for all others."""

    operation_idx: int
    partitions_done: int = 0
    """Those whose summary is committed, and the bytes of the input that they are."""
    passed_bytes: int = 0
    summarised_bytes: int = 0
    summarise_s: float = 0.0
    """Of those that this run summarised, the bytes and the seconds that it took."""
    is_resolved: bool = False


class CheckpointChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What the strategy auto made of one operator."""

    saves: int
    text: str
    """What was measured, and why."""


class JobView(msgspec.Struct, omit_defaults=True):
    """The state of a job after the events that were applied."""

    job_id: str | None = None
    status: JobStatus = JobStatus.PENDING
    runs: int = 0
    started: datetime | None = None
    """Begin of the first run that the log holds."""
    run_started: datetime | None = None
    updated: datetime | None = None
    """End of the last run, or begin of one that goes on."""
    backend: str | None = None
    workers: int = 0
    partitions: int = 0
    partitions_done: int = 0
    partitions_failed: set[int] = msgspec.field(default_factory=set)
    running: dict[int, RunningPartition] = msgspec.field(default_factory=dict)
    rows: int = 0
    rows_done: int = 0
    rows_out: int = 0
    operators: dict[int, OperatorLedger] = msgspec.field(default_factory=dict)
    """By index; -1 is `read`."""
    operators_s_before_run: float = 0.0
    """Seconds of operators that were committed when the run began, without dataset operators."""
    operator_s_before_run: dict[int, float] = msgspec.field(default_factory=dict)
    """The same of each operator, dataset operators too."""
    checkpoint_s_before_run: float = 0.0
    core_s: float = 0.0
    """Seconds of cores that runs which ended had for themselves: their workers, from begin to end."""
    cpu_s: float = 0.0
    """CPU seconds of driver and workers, as far as they were sampled."""
    sampled: str = ""
    """When they were sampled last in this run, ISO 8601."""
    result_bytes: int = 0
    """Of the results of partitions that were committed since the log began."""
    read_bytes: int = 0
    """Of the input, in all attempts that read it."""
    size_bytes: int = 0
    """Of the input as it is read; 0 where the log does not say it."""
    passed_bytes: dict[int, int] = msgspec.field(default_factory=dict)
    """Bytes of the input whose rows have passed an operator, as far as that is committed; by index, as `operators`."""
    passed_before_run: int = 0
    """`passed_in_all` when the run began."""
    work_began: str = ""
    """When the first attempt of the run began, ISO 8601: what came before is start-up."""
    last_event: str = ""
    """When the newest event was recorded."""
    newest_run: int = 0
    """The run that it is of."""
    heard_before_run: str = ""
    """When the last event of the run before that one was recorded."""
    boundaries: list[BoundaryView] = msgspec.field(default_factory=list)
    """The dataset operators, in the order of the recipe."""
    retries: int = 0
    retries_before_run: int = 0
    retry_causes: dict[str, int] = msgspec.field(default_factory=dict)
    """Why attempts of this run were made again, and how often."""
    copies_started: int = 0
    """Copies of attempts that took too long, and those that took the place of such an attempt."""
    copies_won: int = 0
    checkpoints_saved: int = 0
    checkpoint_s: float = 0.0
    checkpoint_bytes: int = 0
    checkpoint_choices: dict[int, CheckpointChoice] = msgspec.field(default_factory=dict)
    """Why checkpoints follow each operator or do not, in the newest run with the strategy auto; by index."""
    processes: tuple[payloads.ProcessSample, ...] = ()
    memory_bytes_peak: int = 0
    """Largest resident memory of one process seen."""
    export_path: str | None = None
    requests: int = 0
    """That the newest run has sent to object stores."""
    last_error: str | None = None
    given_up_error: str | None = None
    """Why the last partition that was given up in this run was."""
    warnings: list[str] = msgspec.field(default_factory=list)
    """The newest ones."""

    @property
    def rows_dead_letter(self) -> int:
        return sum(operator.rows_dead_letter for operator in self.operators.values())

    @property
    def operator_s(self) -> float:
        return sum(operator.duration_s for operator in self.operators.values())

    @property
    def worker_s(self) -> float:
        """Seconds that workers spent in operators, as far as that is committed. Those of a dataset operator are not
        counted here: its resolve is the driver's, and its summaries are with its boundary.
        """
        waiting = {boundary.operation_idx for boundary in self.boundaries}
        operators = (each.duration_s for index, each in self.operators.items() if index not in waiting)
        return sum(operators) + sum(boundary.summarise_s for boundary in self.boundaries)

    @property
    def passed_in_all(self) -> int:
        """Bytes that have passed an operator, or been summarised for one, over all operators; what is committed."""
        return sum(self.passed_bytes.values()) + sum(each.passed_bytes for each in self.boundaries)

    def apply(self, record: t.Record) -> None:
        """Take the next event in."""
        event = record.event
        if record.run != self.newest_run:
            self.newest_run, self.heard_before_run = record.run, self.last_event
        self.last_event = record.ts
        match event:
            case t.OpStart():
                if running := self.running.get(event.partition_id):
                    running.operation_idx = event.operation_idx
                    running.operation_began = record.ts
            case t.OpComplete():
                self._complete_operator(event)
            case t.CheckpointSave():
                self.checkpoints_saved += 1
                self.checkpoint_s += event.duration_s
                self.checkpoint_bytes += event.data.size_bytes
                if event.data.is_summary:
                    self._pass_boundary(event, record)
                else:
                    self._settle(event.partition_id, event.operation_idx)
            case t.CheckpointLoad():
                self.checkpoint_s += event.duration_s
            case t.PartitionStart():
                start = event.data
                self.read_bytes += start.size_bytes
                self.work_began = self.work_began or record.ts
                self.running[event.partition_id] = RunningPartition(
                    attempt=event.attempt,
                    operation_idx=start.operation_idx_start,
                    worker=start.worker,
                    node=start.node,
                    began=record.ts,
                    size_bytes=start.size_bytes,
                )
            case t.PartitionComplete():
                self._settle(event.partition_id, None)
                self.running.pop(event.partition_id, None)
                self.partitions_failed.discard(event.partition_id)
                self.partitions_done += 1
                self.rows_done += event.data.rows_in
                self.rows_out += event.rows
                self.result_bytes += event.data.size_bytes
            case t.PartitionFailed():
                self._fail_partition(event)
            case _:
                self._apply_rare(event, record)

    def _apply_rare(self, event: t.AnyEvent, record: t.Record) -> None:
        match event:
            case t.ResourceUsage(data=sample):
                self.processes = sample.processes
                since = self.sampled or (format_utc(self.run_started) if self.run_started else record.ts)
                cores = sum(process.cpu_share for process in sample.processes)
                self.cpu_s += cores * _seconds_between(since, record.ts)
                self.sampled = record.ts
                memory = (process.memory_bytes for process in sample.processes)
                self.memory_bytes_peak = max(self.memory_bytes_peak, *memory, 0)
            case t.OpFailed(data=failure) if failure.error_type != SET_ASIDE:
                self.last_error = describe(event)
            case t.PerformanceMetric():
                self.operators[event.operation_idx] = event.data
            case t.WarningNotice():
                self.warnings = [*self.warnings[1 - _WARNINGS_MAX :], event.message]
                self._withdraw(event)
            case t.InfoNotice() | t.DebugNotice():
                self._apply_notice(event)
            case t.JobStart(data=identity):
                self.job_id = identity.job_id
            case t.ProcessingStart(data=plan):
                self._start_run(plan, record)
            case t.ProcessingComplete(data=outcome) | t.JobComplete(data=outcome):
                self._end_run(record, JobStatus.COMPLETED)
                self.last_error = None
                self.export_path = outcome.export_path or self.export_path
                self.requests = outcome.requests
            case t.ProcessingError(data=failure):
                self._end_run(record, JobStatus.STOPPED if failure.is_stop else JobStatus.FAILED)
                self.last_error = reason_of(failure)
                self.requests = failure.requests
            case t.JobFailed(data=failure):
                self._end_run(record, JobStatus.FAILED)
                self.last_error = reason_of(failure)
            case _:
                pass

    def _apply_notice(self, event: t.InfoNotice | t.DebugNotice) -> None:
        saves = event.data.get(t.CHECKPOINTS_CHOSEN)
        if event.operation_idx is not None and isinstance(saves, int):
            self.checkpoint_choices[event.operation_idx] = CheckpointChoice(saves=saves, text=event.message)
        if event.operation_idx is not None and event.data.get(t.RESOLVED):
            for boundary in self.boundaries:
                boundary.is_resolved |= boundary.operation_idx == event.operation_idx
        copy = event.data.get(t.COPY)
        self.copies_started += copy == "started"
        self.copies_won += copy == "won"

    def _start_run(self, plan: payloads.Plan, record: t.Record) -> None:
        if self.status is JobStatus.RUNNING:  # the run before was killed
            self._count_cores(self.heard_before_run)
        self.status = JobStatus.RUNNING
        self.runs = record.run
        self.run_started = self.updated = parse_utc(record.ts)
        self.started = self.started or self.run_started
        self.backend, self.workers = plan.backend, plan.workers
        self.partitions, self.partitions_done = plan.partitions, plan.partitions_done
        self.rows, self.rows_done, self.rows_out = plan.rows, plan.rows_done, plan.rows_out
        self.retries_before_run = self.retries
        self.partitions_failed.clear()
        self.given_up_error = None
        self.running.clear()
        self.operators = {ledger.index: ledger for ledger in plan.operators}
        self.size_bytes = plan.size_bytes
        passed = zip(plan.operators, plan.passed_bytes, strict=False)
        self.passed_bytes = {ledger.index: size_bytes for ledger, size_bytes in passed}
        self.work_began = ""
        self.boundaries = [
            BoundaryView(
                operation_idx=each.operation_idx,
                partitions_done=each.partitions_done,
                passed_bytes=each.passed_bytes,
                is_resolved=each.is_resolved,
            )
            for each in plan.boundaries
        ]
        self.passed_before_run = self.passed_in_all
        self.operators_s_before_run = self.worker_s
        self.operator_s_before_run = {index: each.duration_s for index, each in self.operators.items()}
        self.checkpoint_s_before_run = self.checkpoint_s
        self.sampled = ""
        self.retry_causes.clear()
        self.checkpoint_choices.clear()

    def _count_cores(self, until: str) -> None:
        """Of the run that goes on: it has ended, or was heard of last, at this moment."""
        end = parse_utc(until)
        if self.run_started is not None and end is not None:
            self.core_s += max(1, self.workers) * max(0.0, (end - self.run_started).total_seconds())

    def _end_run(self, record: t.Record, status: JobStatus) -> None:
        if self.status is JobStatus.RUNNING:
            self._count_cores(record.ts)
        self.status = status
        self.updated = parse_utc(record.ts)
        self.running.clear()

    def _complete_operator(self, event: t.OpComplete) -> None:
        if running := self.running.get(event.partition_id):
            running.operation_idx = event.operation_idx + 1
            running.ledgers[event.operation_idx] = event.data

    def _settle(self, partition_id: int, operation_idx_last: int | None) -> None:
        """Count what a commit has made certain: of a partition, operators up to and with this one; None: all."""
        running = self.running.get(partition_id)
        if running is None:
            return
        for index in [
            index for index in running.ledgers if operation_idx_last is None or index <= operation_idx_last
        ]:
            settled, before = running.ledgers.pop(index), self.operators.get(index)
            self.operators[index] = add_ledgers(before, settled) if before else settled
            passed = self.passed_bytes.get(index, 0) + running.size_bytes
            self.passed_bytes[index] = min(passed, self.size_bytes)

    def _pass_boundary(self, event: t.CheckpointSave, record: t.Record) -> None:
        """The summary of a partition is committed."""
        running = self.running.pop(event.partition_id, None)
        for boundary in self.boundaries:
            if boundary.operation_idx == event.operation_idx:
                boundary.partitions_done = min(boundary.partitions_done + 1, self.partitions)
                if running is not None:
                    size_bytes = running.size_bytes
                    boundary.passed_bytes = min(boundary.passed_bytes + size_bytes, self.size_bytes)
                    boundary.summarised_bytes += size_bytes
                    boundary.summarise_s += _seconds_between(running.operation_began, record.ts)

    def _withdraw(self, event: t.WarningNotice) -> None:
        """A result that was counted was set aside; its partition is counted again when it is done again."""
        rows_in, rows_out = event.data.get(t.ROWS_IN_WITHDRAWN), event.data.get(t.ROWS_OUT_WITHDRAWN)
        if isinstance(rows_in, int) and isinstance(rows_out, int):
            self.partitions_done -= 1
            self.rows_done -= rows_in
            self.rows_out -= rows_out
            size_bytes = self.size_bytes * rows_in // self.rows if self.rows else 0
            self.passed_bytes = {
                index: max(0, passed - size_bytes) for index, passed in self.passed_bytes.items()
            }

    def _fail_partition(self, event: t.PartitionFailed) -> None:
        self.running.pop(event.partition_id, None)
        self.last_error = describe(event)
        if event.data.retry_in_s is None:
            self.partitions_failed.add(event.partition_id)
            self.given_up_error = describe(event)
        else:
            self.retries += 1
            self._count_cause(event)

    def _count_cause(self, event: t.PartitionFailed) -> None:
        """Few causes are distinguished: what foreign errors are called must not grow the view."""
        at = f" in {event.operation_name}" if event.operation_name else ""
        cause = f"{event.data.error_type}{at}"
        if cause not in self.retry_causes and len(self.retry_causes) >= _CAUSES_MAX:
            cause = OTHER_CAUSES
        self.retry_causes[cause] = self.retry_causes.get(cause, 0) + 1


def _seconds_between(began: str, ended: str) -> float:
    """0 where one of them is no moment."""
    start, stop = parse_utc(began), parse_utc(ended)
    return max(0.0, (stop - start).total_seconds()) if start and stop else 0.0


def fold(records: Iterable[t.Record]) -> JobView:
    """The view after all of these events."""
    view = JobView()
    for record in records:
        view.apply(record)
    return view
