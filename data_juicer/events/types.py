"""One frozen class per event type. An event says what happened; the log adds when, in which run and under which number.

    JOB_START JOB_COMPLETE JOB_FAILED                       once a job
    PROCESSING_START PROCESSING_COMPLETE PROCESSING_ERROR   once a run
    PARTITION_START PARTITION_COMPLETE PARTITION_FAILED     each attempt
    OP_START OP_COMPLETE OP_FAILED                          each operator of an attempt
    CHECKPOINT_SAVE CHECKPOINT_LOAD
    RESOURCE_USAGE PERFORMANCE_METRIC                       sampled; one an operator at a run's end
    WARNING INFO DEBUG

Operators are counted from 0 over the whole recipe; -1 is `read`. Durations are seconds, sizes bytes, attempts such as `r1a2`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from data_juicer.store.ledger import OperatorLedger

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Detail = str | int | float | bool | None


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="event_type"):
    """Base of all event types."""

    level: ClassVar[Level] = "INFO"


class Data(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of what goes under `data`: figures that only one type of event has."""


# ---- figures


class JobIdentity(Data, frozen=True, kw_only=True, gc=False):
    job_id: str
    config_digest: str


class Plan(Data, frozen=True, kw_only=True, gc=False):
    """What a run has to do, and what earlier runs have committed of it."""

    host: str
    pid: int
    backend: str
    workers: int
    partitions: int
    partitions_done: int = 0
    rows: int
    """Rows of the input, and those of them in partitions that are done."""
    rows_done: int = 0
    rows_out: int = 0
    """Rows that the partitions which are done came to."""
    operators: tuple[OperatorLedger, ...]
    """What is committed of `read` and of every operator of the recipe, in their order; zeros before the first run."""


class Outcome(Data, frozen=True, kw_only=True, gc=False):
    rows_in: int
    rows_dead_letter: int = 0
    export_path: str | None = None


class Failure(Data, frozen=True, kw_only=True, gc=False):
    error_type: str
    error: str
    """In one line."""


class RunFailure(Failure, frozen=True, kw_only=True, gc=False):
    is_stop: bool = False
    """The run was asked to stop, and did so in order."""


class AttemptFailure(Failure, frozen=True, kw_only=True, gc=False):
    retry_in_s: float | None = None
    """Seconds until the next attempt; None when the partition was given up."""


class OperatorFailure(Failure, frozen=True, kw_only=True, gc=False):
    rows_dead_letter: int = 0
    """Rows that were taken out; 0 when the operator failed as a whole."""


class AttemptStart(Data, frozen=True, kw_only=True, gc=False):
    operation_idx_start: int = 0
    """The operator that the attempt begins with; those before it come from a checkpoint."""
    worker: str = ""
    node: str = ""
    """Which worker made it, and on which machine."""


class AttemptOutcome(Data, frozen=True, kw_only=True, gc=False):
    rows_in: int
    """Rows of the partition in the input."""


class CheckpointFile(Data, frozen=True, kw_only=True, gc=False):
    file: str
    size_bytes: int
    is_summary: bool = False
    """Not rows, but what a dataset-wide operator has to know of them: the partition waits for all others."""


class ProcessSample(Data, frozen=True, kw_only=True, gc=False):
    role: Literal["driver", "worker"]
    pid: int
    cpu_share: float
    """CPU seconds a second since the sample before; 1.0 is one core."""
    memory_bytes: int
    """Resident memory."""


class ResourceSample(Data, frozen=True, kw_only=True, gc=False):
    processes: tuple[ProcessSample, ...]


# ---- job and run


class JobStart(Event, frozen=True, kw_only=True, gc=False, tag="JOB_START"):
    data: JobIdentity


class JobComplete(Event, frozen=True, kw_only=True, gc=False, tag="JOB_COMPLETE"):
    duration_s: float
    rows: int
    """Rows of the result."""
    data: Outcome


class JobFailed(Event, frozen=True, kw_only=True, gc=False, tag="JOB_FAILED"):
    level: ClassVar[Level] = "ERROR"
    duration_s: float
    data: Failure


class ProcessingStart(Event, frozen=True, kw_only=True, gc=False, tag="PROCESSING_START"):
    data: Plan


class ProcessingComplete(Event, frozen=True, kw_only=True, gc=False, tag="PROCESSING_COMPLETE"):
    duration_s: float
    rows: int
    data: Outcome


class ProcessingError(Event, frozen=True, kw_only=True, gc=False, tag="PROCESSING_ERROR"):
    """The run ended before its work did: it failed, or was asked to stop."""

    level: ClassVar[Level] = "ERROR"
    duration_s: float
    data: RunFailure


# ---- partitions, operators, checkpoints


class PartitionStart(Event, frozen=True, kw_only=True, gc=False, tag="PARTITION_START"):
    level: ClassVar[Level] = "DEBUG"
    partition_id: int
    attempt: str
    data: AttemptStart = AttemptStart()


class PartitionComplete(Event, frozen=True, kw_only=True, gc=False, tag="PARTITION_COMPLETE"):
    """The partition's result is committed."""

    level: ClassVar[Level] = "DEBUG"
    partition_id: int
    attempt: str
    duration_s: float
    rows: int
    data: AttemptOutcome


class PartitionFailed(Event, frozen=True, kw_only=True, gc=False, tag="PARTITION_FAILED"):
    level: ClassVar[Level] = "WARNING"
    partition_id: int
    attempt: str
    duration_s: float
    operation_name: str | None = None
    operation_idx: int | None = None
    data: AttemptFailure


class OpStart(Event, frozen=True, kw_only=True, gc=False, tag="OP_START"):
    level: ClassVar[Level] = "DEBUG"
    partition_id: int
    operation_name: str
    operation_idx: int
    attempt: str


class OpComplete(Event, frozen=True, kw_only=True, gc=False, tag="OP_COMPLETE"):
    level: ClassVar[Level] = "DEBUG"
    partition_id: int
    operation_name: str
    operation_idx: int
    attempt: str
    duration_s: float
    rows: int
    data: OperatorLedger

    @staticmethod
    def of(partition_id: int, attempt: str, ledger: OperatorLedger) -> OpComplete:
        return OpComplete(
            partition_id=partition_id,
            operation_name=ledger.name,
            operation_idx=ledger.index,
            attempt=attempt,
            duration_s=ledger.duration_s,
            rows=ledger.rows_out,
            data=ledger,
        )


class OpFailed(Event, frozen=True, kw_only=True, gc=False, tag="OP_FAILED"):
    level: ClassVar[Level] = "WARNING"
    partition_id: int
    operation_name: str
    operation_idx: int
    attempt: str
    data: OperatorFailure


class CheckpointSave(Event, frozen=True, kw_only=True, gc=False, tag="CHECKPOINT_SAVE"):
    """A checkpoint is committed; `duration_s` is what writing it took."""

    level: ClassVar[Level] = "DEBUG"
    partition_id: int
    operation_name: str
    operation_idx: int
    attempt: str
    duration_s: float
    rows: int
    data: CheckpointFile


class CheckpointLoad(Event, frozen=True, kw_only=True, gc=False, tag="CHECKPOINT_LOAD"):
    """An attempt continues after this operator; `duration_s` is what reading and checking took."""

    level: ClassVar[Level] = "DEBUG"
    partition_id: int
    operation_name: str
    operation_idx: int
    attempt: str
    duration_s: float
    rows: int
    data: CheckpointFile


# ---- samples and notices


class ResourceUsage(Event, frozen=True, kw_only=True, gc=False, tag="RESOURCE_USAGE"):
    level: ClassVar[Level] = "DEBUG"
    data: ResourceSample


class PerformanceMetric(Event, frozen=True, kw_only=True, gc=False, tag="PERFORMANCE_METRIC"):
    """What one operator came to in the whole job; `duration_s` is the sum over workers."""

    operation_name: str
    operation_idx: int
    duration_s: float
    rows: int
    data: OperatorLedger

    @staticmethod
    def of(ledger: OperatorLedger) -> PerformanceMetric:
        return PerformanceMetric(
            operation_name=ledger.name,
            operation_idx=ledger.index,
            duration_s=ledger.duration_s,
            rows=ledger.rows_out,
            data=ledger,
        )


class Notice(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Something that has no type of its own, told in a sentence."""

    message: str
    partition_id: int | None = None
    operation_name: str | None = None
    operation_idx: int | None = None
    data: dict[str, Detail] = {}


class WarningNotice(Notice, frozen=True, kw_only=True, gc=False, tag="WARNING"):
    level: ClassVar[Level] = "WARNING"


class InfoNotice(Notice, frozen=True, kw_only=True, gc=False, tag="INFO"):
    level: ClassVar[Level] = "INFO"


class DebugNotice(Notice, frozen=True, kw_only=True, gc=False, tag="DEBUG"):
    level: ClassVar[Level] = "DEBUG"


AnyEvent = (
    JobStart
    | JobComplete
    | JobFailed
    | ProcessingStart
    | ProcessingComplete
    | ProcessingError
    | PartitionStart
    | PartitionComplete
    | PartitionFailed
    | OpStart
    | OpComplete
    | OpFailed
    | CheckpointSave
    | CheckpointLoad
    | ResourceUsage
    | PerformanceMetric
    | WarningNotice
    | InfoNotice
    | DebugNotice
)


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event as the log holds it."""

    seq: int
    """1, 2, 3 ... over all runs of a job, without gaps."""
    ts: str
    """ISO 8601 in UTC."""
    run: int
    event: AnyEvent
