"""What driver and workers tell each other. Pure; the same on every backend, encoded where it crosses a process."""

from __future__ import annotations

from typing import Final

import msgspec

from data_juicer.engine.protocol.shared_work import Found, Work
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.policy import SaveRule
from data_juicer.plan.tasks import Task, TaskKey
from data_juicer.store.decisions import Decision
from data_juicer.store.ledger import OperatorLedger
from data_juicer.store.manifest import Manifest


class OperatorRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of what an operator is given of one partition."""

    operator_index: int
    row: int
    """Its number there, from 0."""
    origin: int
    """The row of the source that it came from, -1 for a row of its own: repeated to be sure that it is the same."""


class ExcludedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that killed its worker, twice, the second time alone; `reason` such as SIGSEGV in my_op."""

    row: OperatorRow
    reason: str


class IsolationPlan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an attempt goes about a partition that lost workers before; see engine/scheduling/failures/crash_bisection.py."""

    row_by_row: frozenset[int] = frozenset()
    """Operators that are given one row at a time, each announced before."""
    first: OperatorRow | None = None
    """A row that its operator is given alone, before any other."""
    excluded: tuple[ExcludedRow, ...] = ()


class Attempt(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One try of one stage. `name` is unique in the job for a partition, such as r2a1: run 2, attempt 1."""

    task: Task
    partition: PartitionSpec
    name: str
    number: int
    base: Manifest | None
    """The checkpoint to go on from; None: from the source."""
    save_rule: SaveRule | None = None
    """When a checkpoint pays, beside those that the setup asks for; None: never."""
    is_copy: bool = False
    """It is made beside another attempt of the task, which takes too long."""
    isolation: IsolationPlan = IsolationPlan()
    decisions: dict[int, Decision] = {}
    """Of the dataset operators before, by their index."""
    resolve_keys: dict[int, str] = {}
    """Of the dataset operators of the recipe, by their index; see plan/keys.py."""

    @property
    def key(self) -> TaskKey:
        return self.task.key


class SharedAttempt(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One try of a task that is not about one partition: of a scan, or of a resolve."""

    task: Task
    name: str
    work: Work
    is_copy: bool = False
    """It is made beside another attempt of the task, which takes too long."""

    @property
    def key(self) -> TaskKey:
        return self.task.key


AnyAttempt = Attempt | SharedAttempt


class AttemptStarted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    task: TaskKey
    attempt: str
    worker: str
    node: str = ""
    """The machine that the worker is on."""


class CheckpointLoaded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    task: TaskKey
    attempt: str
    operator_index: int
    rows: int
    duration_s: float


class CheckpointDamaged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The checkpoint to go on from is not what was committed; the attempt ended without having done anything."""

    task: TaskKey
    attempt: str
    operator_index: int
    reason: str
    file: str = ""
    """The name of the file that is damaged, where it is one: other checkpoints may be made from it."""


class OperatorStarted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    task: TaskKey
    attempt: str
    operator_index: int


class RowsStarted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An operator is given these rows now. Told where somebody must know: with a time limit, or row by row."""

    task: TaskKey
    attempt: str
    first: OperatorRow
    rows: int
    alone: bool = False
    """The row is `IsolationPlan.first`, and the operator was given none before it."""


class OperatorDone(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    task: TaskKey
    attempt: str
    ledger: OperatorLedger


class Staged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Files of a stage are written and synced; they count once the driver has committed the manifest."""

    task: TaskKey
    attempt: str
    manifest: Manifest


class WorkFound(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to a shared task, or the next part of it; it counts when the attempt is done."""

    task: TaskKey
    attempt: str
    found: Found


class AttemptDone(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Everything of the attempt was staged, the result or the summary last; of a shared task everything was reported."""

    task: TaskKey
    attempt: str
    duration_s: float
    requests: int = 0
    """That its worker has sent to object stores since its last report; those of a store that the driver counts left out."""
    throttled: int = 0
    """How many of them were refused as too many."""


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a worker that is gone: killed, crashed or hung."""

    row: OperatorRow | None = None
    """What its operator was given, if that was a single row."""
    alone: bool = False
    """See `RowsStarted`."""
    from_within: bool = False
    """It looks like a crash rather than like a kill from outside."""
    rows_before: int = -1
    """How many rows the operator was given one at a time before this one, in this attempt; -1: not known."""
    is_bystander: bool = False
    """Another partition was in an operator of the same worker; this one was only being saved."""


class AttemptFailed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """`transient`: worth another attempt. `fatal`: no partition can go on (a disk is full)."""

    task: TaskKey
    attempt: str
    error_type: str
    message: str
    operator_index: int | None = None
    transient: bool = False
    fatal: bool = False
    loss: Loss | None = None
    """The worker is gone."""
    trace: str = ""


class AttemptReturned(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """No worker had taken it up when its place was lost. It may be made under another name, and nothing failed."""

    task: TaskKey
    attempt: str


Message = (
    AttemptStarted
    | CheckpointLoaded
    | CheckpointDamaged
    | OperatorStarted
    | RowsStarted
    | OperatorDone
    | Staged
    | WorkFound
    | AttemptDone
    | AttemptFailed
    | AttemptReturned
)

ENDS: Final = (AttemptDone, AttemptFailed, AttemptReturned, CheckpointDamaged)
"""The last message of an attempt is one of these, and no other is."""
