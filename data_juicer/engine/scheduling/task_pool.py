"""The state machine of tasks that do not wait for each other, such as those of a scan. Pure.

    offered ──Submit──► running ──AttemptDone──► done
                          │  ▲
            AttemptFailed │  │ Submit
                          ▼  │
                        waiting            out of retries, or permanent: StopFatally

Which tasks there are is decided elsewhere (`plan/scan/shared.py`): some become known only when others are done.
"""

from __future__ import annotations

from collections import deque

import msgspec

from data_juicer.engine.scheduling import events as e
from data_juicer.engine.scheduling.retry import RetryPolicy
from data_juicer.plan.tasks import Task, TaskKey


class PoolPlan(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Within which limits a pool of tasks is worked on."""

    slots: int
    """How many attempts the backend takes at once, at least 1."""
    retry: RetryPolicy
    drain_s: float = 0.0
    attempts_before: int = 0
    """The largest number of an attempt that pools of this run have made already: none is used twice."""


class PoolOver(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A pool has no more tasks: from now on events go to whoever received them before it began."""


class _Flight(msgspec.Struct):
    task: Task
    attempts: int = 0
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
        self._is_draining = False
        self._has_stopped = False

    @property
    def room(self) -> int:
        """How many more tasks may be offered now."""
        if self._is_draining or self._has_stopped:
            return 0
        return max(0, self._slots - len(self._running) - len(self._ready))

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
                del self._running[key]
            case e.AttemptReturned(task=key):
                self._ready.appendleft(self._running.pop(key))
            case e.AttemptFailed():
                self._fail(event, instructions)
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
        flight, retry = self._running.pop(event.task), self._plan.retry
        flight.failures += 1
        if event.fatal or not event.transient or flight.failures > retry.retries_max:
            self._has_stopped = True
            instructions.append(e.TellFailure(task=event.task, retry_in_s=None))
            instructions.append(e.StopFatally(task=event.task))
            return
        delay_s = retry.delay_s(event.task.number, flight.failures)
        self._waiting[event.task] = flight
        instructions.append(e.TellFailure(task=event.task, retry_in_s=delay_s))
        instructions.append(e.WakeAfter(delay_s=delay_s, event=e.DelayOver(task=event.task)))

    def _fill(self, instructions: list[e.Instruction]) -> None:
        while (
            self._ready and len(self._running) < self._slots and not (self._is_draining or self._has_stopped)
        ):
            flight = self._ready.popleft()
            flight.attempts += 1
            self._running[flight.task.key] = flight
            number = self._plan.attempts_before + flight.attempts
            self.attempts_max = max(self.attempts_max, number)
            instructions.append(e.Submit(task=flight.task, attempt=number))
