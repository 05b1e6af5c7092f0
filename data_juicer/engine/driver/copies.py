"""Copies of attempts that take far too long: what they report waits until one of the two is the first to end."""

from __future__ import annotations

from collections import deque

from data_juicer.engine.driver.event_recorder import EventRecorder
from data_juicer.engine.driver.flights import Flight, Flights
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.protocol.backend import Backend
from data_juicer.engine.scheduling import events as e
from data_juicer.plan.tasks import TaskKey


class AttemptCopies:
    def __init__(self, backend: Backend, recorder: EventRecorder, flights: Flights) -> None:
        self._backend = backend
        self._recorder = recorder
        self._flights = flights
        self._copies: dict[TaskKey, Flight] = {}

    def submit(self, attempt: m.Attempt, instruction: e.SubmitCopy, now_s: float) -> None:
        number, before = attempt.key.number, self._flights.get(attempt.key)
        self._recorder.copy_started(f"partition {number}", number, attempt.name, before.name, instruction)
        self._copies[attempt.key] = Flight(attempt, attempt.task, attempt.name, now_s)
        self._backend.submit(attempt)

    def cancel(self, task: TaskKey) -> None:
        copy = self._copies.pop(task)
        self._recorder.copy_lost(f"partition {task.number}", task.number, copy.name)
        self._backend.cancel(task, copy.name)

    def hear(self, message: m.Message) -> e.CopyFailed | e.CopyDone | None:
        """Keep a message of a copy. What is of no copy is a late word of an attempt that has ended.

        Returns: what the scheduler has to know.
        """
        copy = self._copies.get(message.task)
        if copy is None or copy.name != message.attempt:
            return None
        match message:
            case m.AttemptFailed() | m.AttemptReturned() | m.CheckpointDamaged():
                del self._copies[message.task]
                before = self._flights.get(message.task)
                self._recorder.copy_failed(message, before.name, f"partition {message.task.number}")
                return e.CopyFailed(task=message.task)
            case m.AttemptDone():
                copy.lane.append(message)
                return e.CopyDone(task=message.task)
            case _:
                copy.lane.append(message)
                return None

    def take_over(self, task: TaskKey, saved: int | None) -> list[m.Message]:
        """Make the copy the attempt.

        Args:
            saved: the operator after which the partition has its newest checkpoint.
        Returns: what the copy has reported, apart from what is committed already.
        """
        copy, before = self._copies.pop(task), self._flights.pop(task)
        straggler = None if before is None else before.name
        self._recorder.copy_won(f"partition {task.number}", task.number, copy.name, straggler)
        if before is not None:
            self._backend.cancel(task, before.name)
        messages, copy.lane = copy.lane, deque()
        self._flights.add(copy)
        return [message for message in messages if not _is_committed(message, saved)]


def _is_committed(message: m.Message, saved: int | None) -> bool:
    """Whether a message is about what its partition's newest checkpoint, after operator `saved`, holds already."""
    if saved is None:
        return False
    match message:
        case m.OperatorStarted(operator_index=index):
            return index <= saved
        case m.OperatorDone(ledger=ledger):
            return ledger.index <= saved
        case m.Staged(manifest=manifest):
            return manifest.kind == "checkpoint" and manifest.operator_index <= saved
        case _:
            return False
