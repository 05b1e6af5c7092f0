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

from typing import ClassVar, Final, Literal

import msgspec

from data_juicer.events.payloads import (
    AttemptFailure,
    AttemptOutcome,
    AttemptStart,
    CheckpointFile,
    Failure,
    JobIdentity,
    OperatorFailure,
    Outcome,
    Plan,
    ResourceSample,
    RunFailure,
)
from data_juicer.store.ledger import OperatorLedger

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Detail = str | int | float | bool | None


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="event_type"):
    """Base of all event types."""

    level: ClassVar[Level] = "INFO"


# ---- job and run


class JobStart(Event, frozen=True, kw_only=True, tag="JOB_START"):
    data: JobIdentity


class JobComplete(Event, frozen=True, kw_only=True, tag="JOB_COMPLETE"):
    duration_s: float
    rows: int
    """Rows of the result."""
    data: Outcome


class JobFailed(Event, frozen=True, kw_only=True, tag="JOB_FAILED"):
    level: ClassVar[Level] = "ERROR"
    duration_s: float
    data: Failure


class ProcessingStart(Event, frozen=True, kw_only=True, tag="PROCESSING_START"):
    data: Plan


class ProcessingComplete(Event, frozen=True, kw_only=True, tag="PROCESSING_COMPLETE"):
    duration_s: float
    rows: int
    data: Outcome


class ProcessingError(Event, frozen=True, kw_only=True, tag="PROCESSING_ERROR"):
    """The run ended before its work did: it failed, or was asked to stop."""

    level: ClassVar[Level] = "ERROR"
    duration_s: float
    data: RunFailure


# ---- partitions, operators, checkpoints


class PartitionEvent(Event, frozen=True, kw_only=True):
    """Of one attempt at a partition."""

    level: ClassVar[Level] = "DEBUG"
    partition_id: int
    attempt: str


class OperatorEvent(Event, frozen=True, kw_only=True):
    """Of one operator of an attempt."""

    level: ClassVar[Level] = "DEBUG"
    partition_id: int
    operation_name: str
    operation_idx: int
    attempt: str


class OperatorOutcome(OperatorEvent, frozen=True, kw_only=True):
    """Of an operator that has come to its end, or continues there; `rows` is how many it left."""

    duration_s: float
    rows: int


class PartitionStart(PartitionEvent, frozen=True, kw_only=True, tag="PARTITION_START"):
    data: AttemptStart = AttemptStart()


class PartitionComplete(PartitionEvent, frozen=True, kw_only=True, tag="PARTITION_COMPLETE"):
    """The partition's result is committed."""

    duration_s: float
    rows: int
    data: AttemptOutcome


class PartitionFailed(PartitionEvent, frozen=True, kw_only=True, tag="PARTITION_FAILED"):
    level: ClassVar[Level] = "WARNING"
    duration_s: float
    operation_name: str | None = None
    operation_idx: int | None = None
    data: AttemptFailure


class OpStart(OperatorEvent, frozen=True, kw_only=True, tag="OP_START"):
    """The operator begins on the rows of the attempt."""


class OpComplete(OperatorOutcome, frozen=True, kw_only=True, tag="OP_COMPLETE"):
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


class OpFailed(OperatorEvent, frozen=True, kw_only=True, tag="OP_FAILED"):
    level: ClassVar[Level] = "WARNING"
    data: OperatorFailure


class CheckpointSave(OperatorOutcome, frozen=True, kw_only=True, tag="CHECKPOINT_SAVE"):
    """A checkpoint is committed; `duration_s` is what writing it took."""

    data: CheckpointFile


class CheckpointLoad(OperatorOutcome, frozen=True, kw_only=True, tag="CHECKPOINT_LOAD"):
    """An attempt continues after this operator; `duration_s` is what reading and checking took."""

    data: CheckpointFile


# ---- samples and notices


class ResourceUsage(Event, frozen=True, kw_only=True, tag="RESOURCE_USAGE"):
    level: ClassVar[Level] = "DEBUG"
    data: ResourceSample


class PerformanceMetric(Event, frozen=True, kw_only=True, tag="PERFORMANCE_METRIC"):
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


class Notice(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Something that has no type of its own, as a sentence."""

    message: str
    partition_id: int | None = None
    operation_name: str | None = None
    operation_idx: int | None = None
    data: dict[str, Detail] = {}


ROWS_IN_WITHDRAWN: Final = "rows_in_withdrawn"
ROWS_OUT_WITHDRAWN: Final = "rows_out_withdrawn"
"""Data of the warning that a committed result was set aside: what does not count any more."""


RESOLVED: Final = "is_resolved"
"""Data of the notice that a dataset operator has decided about every row; `operation_idx` says which."""
CHECKPOINTS_CHOSEN: Final = "checkpoints_chosen"
"""Data of the notice that says why checkpoints follow an operator or do not (strategy auto): how many did in this run."""
COPY: Final = "copy"
"""Data of the notice about the copy of an attempt that takes too long: started, won, lost or failed."""
SHARE_DONE: Final = "share_done"
"""Data of the notice that tells how far a run is, a line a minute."""


class WarningNotice(Notice, frozen=True, kw_only=True, tag="WARNING"):
    level: ClassVar[Level] = "WARNING"


class InfoNotice(Notice, frozen=True, kw_only=True, tag="INFO"):
    level: ClassVar[Level] = "INFO"


class DebugNotice(Notice, frozen=True, kw_only=True, tag="DEBUG"):
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


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An event as the log holds it."""

    seq: int
    """1, 2, 3 ... over all runs of a job, without gaps."""
    ts: str
    """ISO 8601 in UTC."""
    run: int
    event: AnyEvent
