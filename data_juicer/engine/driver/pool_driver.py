"""The loop over tasks that do not wait for each other: handed out while some worker is free, retried, and taken in when done.

While it runs the backend has nothing else to do: a scan comes before the first stage of a partition, and a resolve when all have ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

import msgspec

from data_juicer.clock import Clock
from data_juicer.engine.driver.alarms import Alarms
from data_juicer.engine.driver.event_recorder import EventRecorder
from data_juicer.engine.driver.outside import Outside
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.protocol.backend import Abandoned, Backend
from data_juicer.engine.protocol.shared_work import Found, Work
from data_juicer.engine.run_context import RunContext, stopped_by
from data_juicer.engine.scheduling import events as e
from data_juicer.engine.scheduling.failures.retry import RetryPolicy
from data_juicer.engine.scheduling.history import Step, encode_history
from data_juicer.engine.scheduling.task_pool import PoolOver, PoolPlan, TaskPool
from data_juicer.errors import (
    COMMITTED_IS_SAFE,
    CheckpointCorruptError,
    DataJuicerError,
    InputError,
    JobFailedError,
    OperatorError,
    StoreError,
    UnreadableSourceError,
)
from data_juicer.job.layout import attempt_name
from data_juicer.plan.tasks import Task, TaskKey, TaskKind

TURN_S = 0.2
"""How long a message is waited for before clocks and signals are looked at again."""

_KNOWN: Final[Mapping[str, type[DataJuicerError]]] = {
    **{
        kind.__name__: kind
        for kind in (InputError, UnreadableSourceError, StoreError, OperatorError, CheckpointCorruptError)
    },
    "DamagedSummaryError": CheckpointCorruptError,
}
"""Errors of workers that say themselves what to do, or that whoever shared out the tasks can answer."""


WorkT_co = TypeVar("WorkT_co", bound=Work, covariant=True)
FoundT_contra = TypeVar("FoundT_contra", bound=Found, contravariant=True)


class SharedTasks(Protocol[WorkT_co, FoundT_contra]):
    """What is shared out: tasks, some of which are known only when others are done (`plan.scan.shared.SharedScan`)."""

    def next(self) -> tuple[int, WorkT_co] | None:
        """A task and its number; None where there is none now."""

    def hear(self, number: int, found: FoundT_contra) -> None:
        """A part of the answer to a task, reported at once; it may come again from another attempt."""

    def take(self, number: int, found: Sequence[FoundT_contra]) -> None:
        """The whole answer to a task, once."""


class _Flight(msgspec.Struct):
    task: Task
    work: Work
    attempt: str = ""
    found: list[Found] = msgspec.field(default_factory=list)
    failure: m.AttemptFailed | None = None
    lane: list[m.Message] = msgspec.field(default_factory=list)
    """What a copy has reported; it is heard when the copy takes over."""


class PoolDriver:
    def __init__(
        self,
        *,
        backend: Backend,
        recorder: EventRecorder,
        clock: Clock,
        context: RunContext,
        run: int,
        history: Callable[[bytes], None] | None = None,
    ) -> None:
        """
        Args:
            history: given the plan and each event of each pool, encoded for `history.replay`.
        """
        self._backend = backend
        self._recorder = recorder
        self._context = context
        self._run_number = run
        self._history = history
        self._clock = clock
        self._alarms: Alarms
        self._pool: TaskPool
        self._outside = Outside(backend, context, clock)
        self._flights: dict[TaskKey, _Flight] = {}
        self._copies: dict[TaskKey, _Flight] = {}
        """Copies of attempts in flight."""
        self._tasks: SharedTasks[Work, Any]
        self._attempts_max = 0
        """The largest number of an attempt in this run."""

    def run(
        self,
        kind: TaskKind,
        tasks: SharedTasks[Work, Any],
        retry: RetryPolicy,
        *,
        drain_s: float = 0.0,
        speculates: bool = False,
    ) -> int:
        """Have all of the tasks executed. Returns: how many there were.

        Args:
            drain_s: how long tasks that run may go on when a signal asks to stop.
            speculates: stragglers may be begun again elsewhere; only tasks of which two attempts write no common file.
        Raises: JobStoppedError. InputError, StoreError, OperatorError, JobFailedError: what a task failed with.
        """
        plan = PoolPlan(
            slots=self._backend.slots,
            retry=retry,
            drain_s=drain_s,
            attempts_before=self._attempts_max,
            speculates=speculates,
        )
        self._outside.speculates, self._copies = speculates, {}
        self._pool, self._outside.slots, self._tasks = TaskPool(plan), plan.slots, tasks
        self._flights, self._alarms = {}, Alarms(self._clock)
        self._write_down(plan)
        try:
            count = self._work(kind)
        except DataJuicerError:
            self._write_down(PoolOver())  # whoever shared out the tasks may go on
            raise
        self._write_down(PoolOver())
        if self._outside.stopped_by is not None:
            raise stopped_by(self._outside.stopped_by)
        return count

    def _work(self, kind: TaskKind) -> int:
        count = 0
        while True:
            count += self._offer(kind)
            if self._pool.is_idle:
                return count
            self._take_messages()
            while (due := self._alarms.take_due()) is not None:
                self._tell(due)
            self._context.heartbeat()
            self._look_outside()

    # ---- what happens

    def _offer(self, kind: TaskKind) -> int:
        count = 0
        while self._pool.room and (offer := self._tasks.next()) is not None:
            number, work = offer
            task = Task(key=TaskKey(kind, number), end="answer")
            self._flights[task.key] = _Flight(task, work)
            self._tell(e.TaskOffered(task=task))
            count += 1
        return count

    def _take_messages(self) -> None:
        """One at least, where there is one within some time, and all that came with it."""
        patience_s = self._alarms.patience_s(TURN_S)
        while True:
            try:
                message = self._backend.next_message(patience_s)
            except Abandoned:
                return
            if message is None:
                return
            self._handle(message)
            if self._pool.room:
                return
            patience_s = 0.0

    def _look_outside(self) -> None:
        for change in self._outside.changes():
            self._tell(change)

    def _handle(self, message: m.Message) -> None:
        flight = self._flights.get(message.task)
        if flight is None or flight.attempt != message.attempt:
            self._handle_of_copy(message)
            return
        match message:
            case m.AttemptStarted() if self._outside.speculates:
                worker = f"{message.worker} on {message.node}"
                self._tell(e.AttemptBegan(task=message.task, worker=worker, at_s=self._clock.monotonic_s()))
            case m.WorkFound(found=found):
                flight.found.append(found)
                self._tasks.hear(message.task.number, found)
            case m.AttemptDone():
                self._recorder.attempt_done(message)
                self._outside.attempt_done(message)
                del self._flights[message.task]
                self._tasks.take(message.task.number, flight.found)
                self._tell(e.AttemptDone(task=message.task, duration_s=message.duration_s))
            case m.AttemptFailed():
                flight.failure = message
                self._tell(e.AttemptFailed.reported_by(message))
            case m.AttemptReturned():
                self._tell(e.AttemptReturned(task=message.task))
            case _:
                pass

    # ---- copies of stragglers

    def _handle_of_copy(self, message: m.Message) -> None:
        """It waits until the copy takes over; what is of no copy is a late word of an attempt that has ended."""
        copy = self._copies.get(message.task)
        if copy is None or copy.attempt != message.attempt:
            return
        match message:
            case m.AttemptFailed() | m.AttemptReturned():
                del self._copies[message.task]
                before = self._flights[message.task]
                self._recorder.copy_failed(message, before.attempt, str(copy.work))
                self._tell(e.CopyFailed(task=message.task))
            case m.AttemptDone():
                copy.lane.append(message)
                self._tell(e.CopyDone(task=message.task))
            case _:
                copy.lane.append(message)

    def _submit_copy(self, instruction: e.SubmitCopy) -> None:
        self._attempts_max = self._pool.attempts_max
        before = self._flights[instruction.task.key]
        name = attempt_name(self._run_number, instruction.attempt)
        self._copies[before.task.key] = _Flight(before.task, before.work, name)
        self._recorder.copy_started(str(before.work), None, name, before.attempt, instruction)
        self._backend.submit(m.SharedAttempt(task=before.task, name=name, work=before.work, is_copy=True))

    def _cancel_copy(self, task: TaskKey) -> None:
        copy = self._copies.pop(task)
        self._recorder.copy_lost(str(copy.work), None, copy.attempt)
        self._backend.cancel(task, copy.attempt)

    def _take_over(self, task: TaskKey) -> None:
        """The copy is the attempt from now on: what it has reported is heard."""
        copy, flight = self._copies.pop(task), self._flights[task]
        self._recorder.copy_won(str(copy.work), None, copy.attempt, flight.attempt)
        self._backend.cancel(task, flight.attempt)  # nothing, where it has failed
        flight.attempt, flight.found = copy.attempt, []
        for message in copy.lane:
            self._handle(message)

    # ---- what is to be done

    def _tell(self, event: e.Event) -> None:
        self._write_down(event)
        for instruction in self._pool.handle(event):
            match instruction:
                case e.Submit():
                    self._submit(instruction)
                case e.SubmitCopy():
                    self._submit_copy(instruction)
                case e.CancelCopy(task=task):
                    self._cancel_copy(task)
                case e.TakeOver(task=task):
                    self._take_over(task)
                case e.WakeAfter():
                    self._alarms.set(instruction)
                case e.TellFailure(task=task, retry_in_s=retry_in_s):
                    flight = self._flights[task]
                    if flight.failure is not None:
                        self._recorder.task_failed(str(flight.work), flight.failure, retry_in_s)
                case e.StopFatally(task=task):
                    raise _error(self._flights[task])
                case _:
                    raise AssertionError(f"{instruction} is about a partition")

    def _write_down(self, step: Step) -> None:
        if self._history is not None:
            self._history(encode_history(step))

    def _submit(self, instruction: e.Submit) -> None:
        self._attempts_max = self._pool.attempts_max
        flight = self._flights[instruction.task.key]
        flight.attempt, flight.found = attempt_name(self._run_number, instruction.attempt), []
        self._backend.submit(m.SharedAttempt(task=flight.task, name=flight.attempt, work=flight.work))


def _error(flight: _Flight) -> DataJuicerError:
    """What ends the run: the error of the worker where it says itself what to do."""
    failure = flight.failure
    if failure is None:
        return JobFailedError(f"{flight.work}: its attempt ended without a word.")
    known = _KNOWN.get(failure.error_type)
    if known is not None:
        return known(failure.message)
    reason = failure.message or failure.error_type
    return JobFailedError(
        f"{flight.work} failed: {reason}. {COMMITTED_IS_SAFE}. Start the job again; if it fails again, "
        "the event log says more."
    )
