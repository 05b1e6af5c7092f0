"""What goes under `data` of an event: the numbers that only one type of event has.

Durations are seconds, sizes bytes. Frozen like the events that hold them.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from data_juicer.store.ledger import OperatorLedger


class Data(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of what goes under `data`: numbers that only one type of event has."""


class JobIdentity(Data, frozen=True, kw_only=True):
    job_id: str
    config_digest: str


class Boundary(Data, frozen=True, kw_only=True):
    """A dataset operator, and how far it is when a run begins."""

    operation_idx: int
    partitions_done: int = 0
    """Those whose summary is committed, and the bytes of the input that they are."""
    passed_bytes: int = 0
    is_resolved: bool = False


class Plan(Data, frozen=True, kw_only=True):
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
    size_bytes: int = 0
    """Of the input as it is read, unpacked; 0 in logs of earlier versions."""
    passed_bytes: tuple[int, ...] = ()
    """Bytes of the input whose rows have passed `read` and every operator, as far as that is committed."""
    boundaries: tuple[Boundary, ...] = ()
    """The dataset operators of the recipe, at which every partition waits for all others."""


class Outcome(Data, frozen=True, kw_only=True):
    rows_in: int
    rows_dead_letter: int = 0
    export_path: str | None = None
    requests: int = 0
    """That the run has sent to object stores."""


class Failure(Data, frozen=True, kw_only=True):
    error_type: str
    error: str
    """In one line."""


class RunFailure(Failure, frozen=True, kw_only=True):
    is_stop: bool = False
    """The run was asked to stop, and did so in order."""
    requests: int = 0
    """That the run has sent to object stores."""


class AttemptFailure(Failure, frozen=True, kw_only=True):
    retry_in_s: float | None = None
    """Seconds until the next attempt; None when the partition was given up."""


SET_ASIDE: Final = "DeadLetters"
"""The error type of rows that became dead letters: the operator went on without them."""


class OperatorFailure(Failure, frozen=True, kw_only=True):
    rows_dead_letter: int = 0
    """Rows that were taken out; 0 when the operator failed as a whole."""


class AttemptStart(Data, frozen=True, kw_only=True):
    operation_idx_start: int = 0
    """The operator that the attempt begins with; those before it come from a checkpoint."""
    worker: str = ""
    node: str = ""
    """Which worker made it, and on which machine."""
    size_bytes: int = 0
    """Of the partition in the input, as it is read."""


class AttemptOutcome(Data, frozen=True, kw_only=True):
    rows_in: int
    """Rows of the partition in the input."""
    size_bytes: int = 0
    """Of the file of its result."""


class CheckpointFile(Data, frozen=True, kw_only=True):
    file: str
    size_bytes: int
    is_summary: bool = False
    """Not rows, but what a dataset operator has to know of them: the partition waits for all others."""


class ProcessSample(Data, frozen=True, kw_only=True):
    role: Literal["driver", "worker"]
    pid: int
    cpu_share: float
    """CPU seconds a second since the sample before; 1.0 is one core."""
    memory_bytes: int
    """Resident memory."""


class ResourceSample(Data, frozen=True, kw_only=True):
    processes: tuple[ProcessSample, ...]
