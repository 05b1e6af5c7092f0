"""The loop of a run: messages in, decisions from the scheduler, instructions carried out, events recorded."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from data_juicer.clock import Clock
from data_juicer.engine.driver import scheduler as s
from data_juicer.engine.driver.committer import Committer
from data_juicer.engine.driver.crash_bisection import CrashHistory, after_loss
from data_juicer.engine.driver.dead_letter_budget import DeadLetterBudget
from data_juicer.engine.driver.event_recorder import EventRecorder
from data_juicer.engine.driver.retry import RetryPolicy
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.protocol.backend import Backend
from data_juicer.engine.run_context import RunContext
from data_juicer.errors import JobFailedError, StoreError
from data_juicer.job.layout import attempt_name
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.store.decisions import Decision
from data_juicer.store.manifest import Manifest

TICK_S = 0.2
"""How long the driver waits for a message before it looks at clocks and signals again."""
STAGED_AT_ONCE = 16
MESSAGES_AT_ONCE = 512
"""Bounds of what is taken together; both together make some milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverOutcome:
    """How the loop ended. Without given-up partitions and signal every pending partition is committed."""

    committed: tuple[int, ...]
    given_up: tuple[int, ...]
    stopped_by: int | None = None
    """The signal that asked to stop."""


@dataclass(slots=True)
class _Flight:
    attempt: m.Attempt
    submitted_s: float
    end: Manifest | None = None
    """What it was to commit last, its result or its summary, once that is committed."""


class Driver:
    def __init__(
        self,
        *,
        backend: Backend,
        committer: Committer,
        recorder: EventRecorder,
        clock: Clock,
        retry: RetryPolicy,
        budget: DeadLetterBudget,
        run: int,
        partition: Callable[[int], PartitionSpec],
        drain_s: float,
        context: RunContext,
    ) -> None:
        """
        Args:
            partition: id -> partition.
        """
        self._backend = backend
        self._committer = committer
        self._recorder = recorder
        self._clock = clock
        self._retry = retry
        self._budget = budget
        self._run = run
        self._partition = partition
        self._drain_s = drain_s
        self._context = context
        self._state = s.JobState(pending=(), slots=backend.slots)
        self._flights: dict[int, _Flight] = {}
        self._delays: list[tuple[float, int]] = []
        self._crash_histories: dict[int, CrashHistory] = {}
        self._committed: list[int] = []
        self._until: int | None = None
        self._decisions: Callable[[int], dict[int, Decision]] = lambda _: {}
        self._counted = budget
        self._attempts_before = 0
        self._attempts_max = 0
        """Largest number of an attempt in this phase and all before: none is used twice in a run."""

    def run(
        self,
        pending: Sequence[int],
        until: int | None = None,
        decisions: Callable[[int], dict[int, Decision]] = lambda _: {},
        budget: DeadLetterBudget | None = None,
    ) -> DriverOutcome:
        """Work until every pending partition is committed or given up, or a signal asks to stop.

        Args:
            until: the dataset-wide operator up to which; its summaries are then what is committed. None: to the results.
            decisions: partition -> the decisions of the dataset-wide operators before.
            budget: that counts what is committed; None: that of the results.

        Raises: StoreError, InputError, JobFailedError and others that no partition can go on after.
        """
        self._state = s.JobState(pending=pending, slots=self._backend.slots)
        self._until, self._decisions = until, decisions
        self._counted = budget or self._budget
        self._attempts_before = self._attempts_max
        self._committed = []
        self._take(s.RunBegun())
        stopped_by, drain_until_s = None, 0.0
        while not self._state.finished:
            for message in self._next_messages():
                self._handle(message)
            self._end_delays()
            self._context.heartbeat()
            if stopped_by is None and (stopped_by := self._context.stop_signal()) is not None:
                drain_until_s = self._clock.monotonic_s() + self._drain_s
                self._take(s.DrainAsked())
            if stopped_by is not None and self._clock.monotonic_s() >= drain_until_s:
                break
        return DriverOutcome(
            committed=tuple(self._committed), given_up=self._state.given_up, stopped_by=stopped_by
        )

    # ---- what happens

    def _next_messages(self) -> list[m.Message]:
        """The next message, if there is one; where it asks for a commit, those that wait behind it as well.

        What they ask to commit is committed together, before they are handled in order.
        """
        message = self._backend.next_message(self._patience_s())
        messages = [] if message is None else [message]
        if not isinstance(message, m.Staged) or self._backend.slots == 1:
            return messages
        staged = [message]
        while len(staged) < STAGED_AT_ONCE and len(messages) < MESSAGES_AT_ONCE:
            message = self._backend.next_message(0.0)
            if message is None:
                break
            messages.append(message)
            if isinstance(message, m.Staged):
                staged.append(message)
        self._committer.commit_ahead([held.manifest for held in staged if self._flight_of(held)])
        return messages

    def _flight_of(self, message: m.Message) -> _Flight | None:
        """The attempt that it is about; None for a late word of one that has ended."""
        flight = self._flights.get(message.partition_id)
        return flight if flight is not None and flight.attempt.name == message.attempt else None

    def _handle(self, message: m.Message) -> None:
        flight = self._flight_of(message)
        if flight is None:
            return
        match message:
            case m.AttemptStarted():
                self._recorder.attempt_started(flight.attempt, message)
            case m.OperatorStarted():
                self._recorder.operator_started(message)
            case m.OperatorDone():
                self._recorder.operator_done(message)
            case m.CheckpointLoaded():
                if flight.attempt.base is not None:
                    self._recorder.checkpoint_loaded(message, flight.attempt.base)
            case m.Staged():
                self._commit(message.manifest, flight)
            case m.AttemptDone():
                self._finish(message, flight)
            case m.CheckpointDamaged():
                self._fall_back(message)
            case m.AttemptReturned():
                self._give_again(message.partition_id)
            case m.AttemptFailed():
                self._fail(message)

    def _commit(self, manifest: Manifest, flight: _Flight) -> None:
        first = self._committer.commit(manifest)
        if manifest.kind != "checkpoint":
            flight.end = manifest
        if manifest.kind != "result" and first:
            self._recorder.checkpoint_saved(manifest)

    def _finish(self, message: m.AttemptDone, flight: _Flight) -> None:
        if flight.end is None:
            raise JobFailedError(f"partition {message.partition_id}: its attempt ended without a result.")
        if flight.end.kind == "result":
            self._recorder.partition_done(message, flight.end)
        self._crash_histories.pop(message.partition_id, None)
        del self._flights[message.partition_id]
        self._committed.append(message.partition_id)
        self._counted.add(flight.end)
        self._counted.check()
        self._take(s.PartitionFinished(message.partition_id))

    def _fall_back(self, message: m.CheckpointDamaged) -> None:
        partition_id = message.partition_id
        self._committer.set_aside_damaged(partition_id, message.operator_index)
        older = self._committer.newest(partition_id, self._until)
        where = f"operator {older.operator_index} ({older.operator_name})" if older else "its source"
        self._recorder.warn(
            f"checkpoint of operator {message.operator_index} is damaged and was set aside: {message.reason} "
            f"The partition goes on from {where}.",
            partition_id,
        )
        self._give_again(partition_id)

    def _give_again(self, partition_id: int) -> None:
        """The attempt came to nothing through no fault of its own."""
        del self._flights[partition_id]
        self._take(s.AttemptEnded(partition_id, blameless=True))

    def _fail(self, message: m.AttemptFailed) -> None:
        flight = self._flights.pop(message.partition_id)
        duration_s = self._clock.monotonic_s() - flight.submitted_s
        is_news = self._suspect(message)
        instructions = self._decide(
            s.AttemptEnded(message.partition_id, transient=message.transient, blameless=is_news)
        )
        delays = [
            i.delay_s
            for i in instructions
            if isinstance(i, s.SubmitLater) and i.partition_id == message.partition_id
        ]
        retry_in_s = 0.0 if is_news else delays[0] if delays else None
        self._recorder.attempt_failed(message, duration_s, retry_in_s)
        if message.fatal:
            raise StoreError(message.message)
        self._carry_out(instructions)

    def _suspect(self, message: m.AttemptFailed) -> bool:
        """Learn from a lost worker; whether the next attempt knows more than this one did."""
        if message.loss is None or not self._retry.isolates:
            return False
        held = self._crash_histories.get(message.partition_id, CrashHistory())
        held, is_news = after_loss(held, message.loss, message.operator_index, message.message)
        self._crash_histories[message.partition_id] = held
        return is_news

    def _end_delays(self) -> None:
        now_s = self._clock.monotonic_s()
        while self._delays and self._delays[0][0] <= now_s:
            _, partition_id = heapq.heappop(self._delays)
            self._take(s.DelayOver(partition_id))

    def _patience_s(self) -> float:
        if not self._delays:
            return TICK_S
        return max(0.0, min(TICK_S, self._delays[0][0] - self._clock.monotonic_s()))

    # ---- what is to be done

    def _take(self, happening: s.Happening) -> None:
        self._carry_out(self._decide(happening))

    def _decide(self, happening: s.Happening) -> list[s.Instruction]:
        self._state, instructions = s.step(self._state, happening, self._retry)
        return instructions

    def _carry_out(self, instructions: Sequence[s.Instruction]) -> None:
        for instruction in instructions:
            match instruction:
                case s.Submit(partition_id, number):
                    self._submit(partition_id, number)
                case s.SubmitLater(partition_id, delay_s):
                    heapq.heappush(self._delays, (self._clock.monotonic_s() + delay_s, partition_id))
                case s.GiveUp():
                    pass  # its PARTITION_FAILED without a retry was recorded

    def _submit(self, partition_id: int, number: int) -> None:
        number += self._attempts_before
        self._attempts_max = max(self._attempts_max, number)
        attempt = m.Attempt(
            partition=self._partition(partition_id),
            name=attempt_name(self._run, number),
            number=number,
            base=self._committer.newest(partition_id, self._until),
            until=self._until,
            decisions=self._decisions(partition_id),
            care=self._crash_histories[partition_id].care
            if partition_id in self._crash_histories
            else m.IsolationPlan(),
        )
        self._flights[partition_id] = _Flight(attempt, self._clock.monotonic_s())
        self._backend.submit(attempt)
