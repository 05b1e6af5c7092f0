"""What happens in a run, as its scheduler receives it, and what is to be done then: values with one codec. Pure."""

from __future__ import annotations

from typing import Self

import msgspec

from data_juicer.engine.protocol import messages as m
from data_juicer.engine.protocol.messages import IsolationPlan, Loss
from data_juicer.plan.tasks import Task, TaskKey


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Base of what happens."""


class _TaskEvent(_Event, frozen=True, kw_only=True):
    """Of the attempt of a task that is under way."""

    task: TaskKey


class RunBegan(_Event, frozen=True, kw_only=True):
    pass


class SlotsChanged(_Event, frozen=True, kw_only=True):
    """The backend takes so many attempts at once now."""

    slots: int


class TaskOffered(_Event, frozen=True, kw_only=True):
    """A pool of tasks has one more."""

    task: Task


class StageStaged(_TaskEvent, frozen=True, kw_only=True):
    """Files of a checkpoint, a summary, a result or decisions are written and synced."""

    operator_index: int


class StageCommitted(_TaskEvent, frozen=True, kw_only=True):
    """The manifest of a staged stage has its name, from this attempt or an earlier one."""

    operator_index: int
    checkpoints: tuple[int, ...] = ()
    """Operators after which the partition has a checkpoint then, rising."""
    is_end: bool
    """It is what the task was to commit last."""
    rows_dead: int = 0
    """Dead letters of the partition so far."""


class AttemptBegan(_TaskEvent, frozen=True, kw_only=True):
    """A worker has taken it up; reported where stragglers are looked for."""

    worker: str
    at_s: float


class AttemptDone(_TaskEvent, frozen=True, kw_only=True):
    """The backend has no more to do with it, and everything of it is staged."""

    duration_s: float = 0.0


class CopyDone(_TaskEvent, frozen=True, kw_only=True):
    """The copy of an attempt that runs has staged everything."""


class CopyFailed(_TaskEvent, frozen=True, kw_only=True):
    """The copy of an attempt that runs is no more, for whatever reason."""


class TimePassed(_Event, frozen=True, kw_only=True):
    """So late it is, on the clock of `AttemptBegan`; reported now and then where stragglers are looked for."""

    at_s: float


class AttemptFailed(_TaskEvent, frozen=True, kw_only=True):
    """`transient`: worth another attempt. `fatal`: no task can go on (a disk is full)."""

    transient: bool = False
    fatal: bool = False
    operator_index: int | None = None
    reason: str = ""
    loss: Loss | None = None
    """The worker is gone."""

    @classmethod
    def reported_by(cls, message: m.AttemptFailed) -> Self:
        return cls(
            task=message.task,
            transient=message.transient,
            fatal=message.fatal,
            operator_index=message.operator_index,
            reason=message.message,
            loss=message.loss,
        )


class AttemptReturned(_TaskEvent, frozen=True, kw_only=True):
    """No worker had taken it up."""


class CheckpointDamaged(_TaskEvent, frozen=True, kw_only=True):
    """The checkpoint to go on from is not what was committed."""

    operator_index: int
    older: tuple[int, ...] = ()
    """Of the partition's older checkpoints: those that are made from the same damaged file."""


class SummaryDamaged(_TaskEvent, frozen=True, kw_only=True):
    """A resolve found that the summary of a partition is not what was committed."""

    partition_id: int


class OperatorWorks(_Event, frozen=True, kw_only=True):
    """Some row went through the operator; reported once."""

    operator_index: int


class DelayOver(_TaskEvent, frozen=True, kw_only=True):
    """The time before the next attempt has passed."""


class StopAsked(_Event, frozen=True, kw_only=True):
    """Begin nothing more; what runs may finish."""


class DrainOver(_Event, frozen=True, kw_only=True):
    """What still runs is abandoned."""


Event = (
    RunBegan
    | SlotsChanged
    | TaskOffered
    | StageStaged
    | StageCommitted
    | AttemptBegan
    | AttemptDone
    | CopyDone
    | CopyFailed
    | TimePassed
    | AttemptFailed
    | AttemptReturned
    | CheckpointDamaged
    | SummaryDamaged
    | OperatorWorks
    | DelayOver
    | StopAsked
    | DrainOver
)


# ---- what is to be done


class _Instruction(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Base of what the driver is to do."""


class Submit(_Instruction, frozen=True, kw_only=True):
    """Have a task attempted."""

    task: Task
    attempt: int
    isolation: IsolationPlan = IsolationPlan()


class SubmitCopy(_Instruction, frozen=True, kw_only=True):
    """Have a straggler attempted once more, by another worker; what ends first counts."""

    task: Task
    attempt: int
    elapsed_s: float
    usual_s: float
    """See `stragglers.Straggler`."""


class CancelCopy(_Instruction, frozen=True, kw_only=True):
    """The copy is not wanted any more."""

    task: TaskKey


class TakeOver(_Instruction, frozen=True, kw_only=True):
    """The copy is the attempt from now on; the one before it has failed, or is cancelled."""

    task: TaskKey


class Commit(_Instruction, frozen=True, kw_only=True):
    """Make what the task staged count; its completion is `StageCommitted`; where the store refuses it, no task can go on."""

    task: TaskKey
    operator_index: int


class SetAside(_Instruction, frozen=True, kw_only=True):
    """Take their names from damaged checkpoints; the partition goes on from the one before them."""

    task: TaskKey
    operators: tuple[int, ...]
    """After which they are, in the order of the recipe."""
    base: int | None
    """Where it goes on; None: from its source."""


class TellFailure(_Instruction, frozen=True, kw_only=True):
    """Record that the attempt failed. None: the task is given up."""

    task: TaskKey
    retry_in_s: float | None


class WakeAfter(_Instruction, frozen=True, kw_only=True):
    """Tell the scheduler this event after so many seconds."""

    delay_s: float
    event: DelayOver | DrainOver


class StopFatally(_Instruction, frozen=True, kw_only=True):
    """The failure of this task ends the run."""

    task: TaskKey


class StopForDeadLetters(_Instruction, frozen=True, kw_only=True):
    """More rows are dead letters than the job allows, whatever becomes of the others."""

    rows_dead: int
    operator_index: int | None = None
    """The operator whose crashes made it certain."""


class StopForCrashes(_Instruction, frozen=True, kw_only=True):
    """An operator crashed its worker on every row that was tried."""

    operator_index: int
    rows_tried: int


Instruction = (
    Submit
    | SubmitCopy
    | CancelCopy
    | TakeOver
    | Commit
    | SetAside
    | TellFailure
    | WakeAfter
    | StopFatally
    | StopForDeadLetters
    | StopForCrashes
)
