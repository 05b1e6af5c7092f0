"""Attempts in flight, and the order in which their messages are recorded: those of a task follow its commits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection

import msgspec

from data_juicer.engine.driver.committer import Committable, Outcome
from data_juicer.engine.driver.event_recorder import EventRecorder
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.scheduling.save_costs import SaveCosts
from data_juicer.errors import JobFailedError
from data_juicer.plan.tasks import Task, TaskKey
from data_juicer.store.manifest import Manifest


class Flight(msgspec.Struct):
    """An attempt, and its messages that are not recorded yet."""

    attempt: m.Attempt | None
    """None: a task of the driver's own."""
    task: Task
    name: str
    submitted_s: float
    staged: deque[Committable] = msgspec.field(default_factory=deque)
    """What no commit was begun for."""
    lane: deque[m.Message] = msgspec.field(default_factory=deque)
    """Messages from the first one on that waits for its commit."""
    end: Manifest | None = None
    """What it was to commit last, once that is committed."""
    failure: m.AttemptFailed | None = None


class Flights:
    def __init__(
        self, recorder: EventRecorder, save_costs: SaveCosts | None, operator_works: Callable[[int], None]
    ) -> None:
        """
        Args:
            save_costs: is given what operators and saves take.
            operator_works: called with the index of an operator that rows came through for the first time.
        """
        self._recorder = recorder
        self._save_costs = save_costs
        self._operator_works = operator_works
        self._works: set[int] = set()
        self._flights: dict[TaskKey, Flight] = {}

    def begin(self, works: Collection[int]) -> None:
        """
        Args:
            works: operators that rows came through before.
        """
        self._works = set(works)

    def find(self, task: TaskKey, attempt: str) -> Flight | None:
        """None: that attempt is not in flight any more."""
        flight = self._flights.get(task)
        return None if flight is None or flight.name != attempt else flight

    def get(self, task: TaskKey) -> Flight:
        return self._flights[task]

    def add(self, flight: Flight) -> None:
        self._flights[flight.task.key] = flight

    def pop(self, task: TaskKey) -> Flight | None:
        return self._flights.pop(task, None)

    def hear(self, flight: Flight, message: m.Message) -> None:
        """Record a message, after those that wait for a commit."""
        if flight.lane:
            flight.lane.append(message)
        else:
            self._record(flight, message)

    def hear_later(self, flight: Flight, message: m.Message) -> None:
        """As `hear`, for a message that itself waits for a commit, or follows one."""
        flight.lane.append(message)
        self._record_lane(flight)

    def committed(self, flight: Flight, outcome: Outcome) -> None:
        """Record a commit of what the first message of the lane staged, and what waited for it."""
        manifest = outcome.manifest
        if isinstance(manifest, Manifest) and manifest.kind != "result" and outcome.is_first:
            self._recorder.checkpoint_saved(manifest)
            if self._save_costs is not None and manifest.kind == "checkpoint":
                self._save_costs.add_save(manifest.operator_index, manifest.save_s)
        flight.lane.popleft()
        self._record_lane(flight)

    def _record_lane(self, flight: Flight) -> None:
        """Record what does not wait for a commit."""
        while flight.lane and not isinstance(flight.lane[0], m.Staged):
            self._record(flight, flight.lane.popleft())

    def _record(self, flight: Flight, message: m.Message) -> None:
        match message:
            case m.OperatorStarted():
                self._recorder.operator_started(message)
            case m.OperatorDone():
                self._recorder.operator_done(message)
                self._note_work(message)
            case m.AttemptStarted() if flight.attempt is not None:
                self._recorder.attempt_started(flight.attempt, message)
            case m.CheckpointLoaded() if flight.attempt is not None and flight.attempt.base is not None:
                self._recorder.checkpoint_loaded(message, flight.attempt.base)
            case m.AttemptDone():
                if flight.end is None:
                    raise JobFailedError(f"{message.task}: its attempt ended without what it was to commit.")
                if flight.end.kind == "result":
                    self._recorder.partition_done(message, flight.end)
                del self._flights[message.task]
            case _:
                pass

    def _note_work(self, message: m.OperatorDone) -> None:
        ledger = message.ledger
        if self._save_costs is not None:
            self._save_costs.add_work(ledger.index, ledger.duration_s)
        if ledger.index not in self._works and ledger.rows_in > ledger.rows_dead_letter:
            self._works.add(ledger.index)
            self._operator_works(ledger.index)
