"""The state machine of tasks that do not wait for each other, such as those of a scan. Pure.

    offered ──Submit──► running ──AttemptDone──► done
                          │  ▲
            AttemptFailed │  │ Submit
                          ▼  │
                        waiting            out of retries, or permanent: StopFatally

A task that takes far too long has a copy, where that is wanted (`copies.py`).

Which tasks there are is decided elsewhere (`plan/scan/shared.py`): some become known only when others are done.
"""

from __future__ import annotations

from collections import deque

import msgspec

from data_juicer.engine.scheduling import events as e
from data_juicer.engine.scheduling.copies import COPIES_MAX, Copies
from data_juicer.engine.scheduling.failures.retry import RetryPolicy
from data_juicer.plan.tasks import Task, TaskKey


class PoolPlan(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Within which limits a pool of tasks is worked on."""

    slots: int
    """How many attempts the backend takes at once, at least 1."""
    retry: RetryPolicy
    drain_s: float = 0.0
    attempts_before: int = 0
    """The largest number of an attempt that pools of this run have made already: none is used twice."""
    speculates: bool = False
    """Copies of stragglers are begun elsewhere."""


class PoolOver(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A pool has no more tasks: from now on events go to whoever received them before it began."""


class _Flight(msgspec.Struct):
    task: Task
    attempts: int = 0
    copies: int = 0
    """How many of those were copies of one that took too long."""
    failures: int = 0


class TaskPool:
    """The state of a pool. `handle` is given each event in the order in which they happen."""

    def __init__(self, plan: PoolPlan) -> None:
        self.attempts_max = plan.attempts_before
        """The largest number of an attempt so far."""
        self._plan = plan
        self._slots = plan.slots
        self._ready: deque[_Flight] = deque()
        self._running: dict[TaskKey, _Flight] = {}
        self._waiting: dict[TaskKey, _Flight] = {}
        self._copies = Copies(are_wanted=plan.speculates)
        self._is_draining = False
        self._has_stopped = False

    @property
    def room(self) -> int:
        """How many more tasks may be offered now."""
        if self._is_draining or self._has_stopped:
            return 0
        return max(0, self._slots - len(self._running) - len(self._copies) - len(self._ready))

    @property
    def is_idle(self) -> bool:
        """Nothing is under way, and of what was offered nothing will be."""
        if self._has_stopped:
            return True
        return not self._running and (self._is_draining or not (self._ready or self._waiting))

    def handle(self, event: e.Event) -> list[e.Instruction]:
        """What is to be done next."""
        instructions: list[e.Instruction] = []
        if self._has_stopped:
            return instructions
        match event:
            case e.TaskOffered(task=task):
                self._ready.append(_Flight(task))
            case e.AttemptDone(task=key):
                self._copies.end(key, event.duration_s)
                self._cancel_copy(key, instructions)
                del self._running[key]
            case e.AttemptReturned(task=key):
                self._copies.end(key)
                if not self._take_over(key, instructions):
                    self._ready.appendleft(self._running.pop(key))
            case e.AttemptFailed():
                self._copies.end(event.task)
                self._fail(event, instructions)
            case (
                e.AttemptBegan() | e.TimePassed() | e.CopyDone() | e.CopyFailed()
            ):  # given where stragglers are looked for
                self._handle_of_copies(event, instructions)
            case e.DelayOver(task=key):
                self._ready.append(self._waiting.pop(key))
            case e.SlotsChanged(slots=slots):
                self._slots = slots
            case e.StopAsked():
                self._is_draining = True
                instructions.append(e.WakeAfter(delay_s=self._plan.drain_s, event=e.DrainOver()))
            case e.DrainOver():
                self._has_stopped = True
            case _:
                raise AssertionError(f"{event} is about a partition")
        self._fill(instructions)
        return instructions

    def _fail(self, event: e.AttemptFailed, instructions: list[e.Instruction]) -> None:
        flight, retry = self._running[event.task], self._plan.retry
        flight.failures += 1
        if event.transient and not event.fatal and self._copies.find(event.task):
            instructions.append(e.TellFailure(task=event.task, retry_in_s=0.0))
            self._take_over(event.task, instructions)
            return
        del self._running[event.task]
        self._cancel_copy(event.task, instructions)
        if event.fatal or not event.transient or flight.failures > retry.retries_max:
            self._has_stopped = True
            instructions.append(e.TellFailure(task=event.task, retry_in_s=None))
            instructions.append(e.StopFatally(task=event.task))
            return
        delay_s = retry.delay_s(event.task.number, flight.failures)
        self._waiting[event.task] = flight
        instructions.append(e.TellFailure(task=event.task, retry_in_s=delay_s))
        instructions.append(e.WakeAfter(delay_s=delay_s, event=e.DelayOver(task=event.task)))

    # ---- copies

    def _handle_of_copies(
        self,
        event: e.AttemptBegan | e.TimePassed | e.CopyDone | e.CopyFailed,
        instructions: list[e.Instruction],
    ) -> None:
        match event:
            case e.AttemptBegan():
                self._copies.begin(event.task, event.worker, event.at_s)
            case e.TimePassed(at_s=now_s):
                self._copy_stragglers(now_s, instructions)
            case e.CopyDone(task=key):
                self._take_over(key, instructions)
            case e.CopyFailed(task=key):
                self._copies.drop(key)

    def _copy_stragglers(self, now_s: float, instructions: list[e.Instruction]) -> None:
        if self._is_draining:
            return
        for straggler in self._copies.stragglers(now_s, self._slots):
            flight = self._running[straggler.task]
            if flight.copies >= COPIES_MAX:
                self._copies.end(straggler.task)
                continue
            flight.copies += 1
            self._copies.add(flight.task)
            submit = e.SubmitCopy(
                task=flight.task,
                attempt=self._count_attempt(flight),
                elapsed_s=straggler.elapsed_s,
                usual_s=straggler.usual_s,
            )
            instructions.append(submit)

    def _take_over(self, key: TaskKey, instructions: list[e.Instruction]) -> bool:
        """Whether there is a copy, which is the attempt from now on."""
        if self._copies.find(key) is None:
            return False
        self._copies.take_over(key)
        instructions.append(e.TakeOver(task=key))
        return True

    def _cancel_copy(self, key: TaskKey, instructions: list[e.Instruction]) -> None:
        if self._copies.drop(key):
            instructions.append(e.CancelCopy(task=key))

    def _count_attempt(self, flight: _Flight) -> int:
        """The number of the next one."""
        flight.attempts += 1
        number = self._plan.attempts_before + flight.attempts
        self.attempts_max = max(self.attempts_max, number)
        return number

    def _fill(self, instructions: list[e.Instruction]) -> None:
        while (
            self._ready
            and len(self._running) + len(self._copies) < self._slots
            and not (self._is_draining or self._has_stopped)
        ):
            flight = self._ready.popleft()
            number = self._count_attempt(flight)
            self._running[flight.task.key] = flight
            self._copies.submit(flight.task)
            instructions.append(e.Submit(task=flight.task, attempt=number))
