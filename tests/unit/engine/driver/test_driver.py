"""The driver's loop over a backend whose words are written down: what it records, and what it ignores."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from benchmarks.driver import NAMES, ROWS, partition, script
from data_juicer.engine.driver.committer import Committer
from data_juicer.engine.driver.driver import Driver, DriverOutcome
from data_juicer.engine.driver.endings import RunEndings
from data_juicer.engine.driver.event_recorder import EventRecorder
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.run_context import RunContext, RunControl
from data_juicer.engine.scheduling.failures.dead_letter_budget import DeadLetterBudget
from data_juicer.engine.scheduling.failures.retry import RetryPolicy
from data_juicer.engine.scheduling.run_plan import RunPlan
from data_juicer.errors import JobFailedError, StoreError
from data_juicer.events import types as t
from data_juicer.events.log import EventLog
from data_juicer.job.layout import JobLayout
from data_juicer.job.lock import Driver as Owner
from data_juicer.job.lock import acquire
from data_juicer.ops.operator_resources import OperatorResources
from data_juicer.plan.tasks import Phase, plan_segments
from data_juicer.storage.memory import MemoryLock, MemoryStore
from data_juicer.testing.clock import ManualClock
from data_juicer.testing.scripted_backend import ScriptedBackend

Script = Callable[[m.Attempt], Iterator[m.Message]]


def drive(
    reported: Script, partitions: int = 3, slots: int = 1, retries_max: int = 1, stop_after: int | None = None
) -> tuple[DriverOutcome, list[t.AnyEvent]]:
    """Run partitions over a script; the outcome, and the events that were recorded."""
    store, clock, events = MemoryStore(), ManualClock(), list[t.AnyEvent]()
    layout = JobLayout.of("/jobs", "driver")
    lock = acquire(store, layout, clock, Owner(host="here", pid=1), MemoryLock(set()))
    for directory in layout.directories().values():
        store.make_dirs(directory)
    log = EventLog(store, layout, clock, lock.run, listeners=(lambda record: events.append(record.event),))

    def stop_signal() -> int | None:
        done = sum(isinstance(event, t.PartitionComplete) for event in events)
        return 15 if stop_after is not None and done >= stop_after else None

    class Ticking(ScriptedBackend):
        def next_message(self, timeout_s: float) -> m.Message | None:
            message = super().next_message(timeout_s)
            if message is None:
                clock.advance(timeout_s or 0.01)
            return message

    committer = Committer(store, layout, lock, "keep_all")
    driver = Driver(
        backend=Ticking(reported, slots),
        committer=committer,
        recorder=EventRecorder(log, NAMES),
        clock=clock,
        context=RunContext(
            lock=lock, log=log, view=log.view, clock=clock, control=RunControl(stop_signal=stop_signal)
        ),
        run=lock.run,
        partition=partition,
        endings=RunEndings(operators=NAMES, partitions=partitions, rows=partitions * ROWS, ratio_max=1.0),
    )
    plan = RunPlan(
        phases=(Phase(until=len(NAMES), partitions=range(partitions)),),
        segments=plan_segments([OperatorResources()] * len(NAMES)),
        slots=slots,
        retry=RetryPolicy(retries_max=retries_max, backoff="fixed", seed=0),
        budget=DeadLetterBudget(ratio_max=1.0, rows=partitions * ROWS),
        drain_s=5.0,
    )
    try:
        return driver.run(plan), events
    finally:
        committer.close()


def kinds(events: list[t.AnyEvent], *wanted: type[t.AnyEvent]) -> list[type[t.AnyEvent]]:
    return [type(event) for event in events if isinstance(event, wanted)]


def failed(attempt: m.Attempt, **how: object) -> m.AttemptFailed:
    return m.AttemptFailed(
        task=attempt.key, attempt=attempt.name, error_type="OSError", message="boom", **how
    )  # type: ignore[arg-type]


@pytest.mark.parametrize("slots", [1, 4])
def test_every_partition_is_begun_and_completed_once(slots: int) -> None:
    outcome, events = drive(script, partitions=6, slots=slots)
    assert (outcome.done, outcome.given_up) == (6, ())
    done = [event.partition_id for event in events if isinstance(event, t.PartitionComplete)]
    assert sorted(done) == list(range(6))
    assert len(kinds(events, t.PartitionStart)) == 6


def test_a_transient_failure_is_reported_with_its_delay_and_made_again() -> None:
    def flaky(attempt: m.Attempt) -> Iterator[m.Message]:
        if attempt.key.number == 1 and attempt.number == 1:
            return iter([failed(attempt, transient=True)])
        return script(attempt)

    outcome, events = drive(flaky)
    (failure,) = [event for event in events if isinstance(event, t.PartitionFailed)]
    assert (failure.partition_id, failure.attempt) == (1, "r1a1")
    assert failure.data.retry_in_s is not None
    assert outcome.done == 3


def test_a_partition_out_of_retries_is_reported_so_and_the_others_are_done() -> None:
    def broken(attempt: m.Attempt) -> Iterator[m.Message]:
        return iter([failed(attempt, transient=True)]) if attempt.key.number == 1 else script(attempt)

    outcome, events = drive(broken)
    assert (outcome.done, outcome.given_up) == (2, (1,))
    delays = [event.data.retry_in_s is None for event in events if isinstance(event, t.PartitionFailed)]
    assert delays == [False, True]


def test_a_fatal_failure_ends_the_run_with_what_it_said() -> None:
    with pytest.raises(StoreError, match="boom"):
        drive(lambda attempt: iter([failed(attempt, fatal=True)]))


def test_late_words_of_an_attempt_that_has_ended_change_nothing() -> None:
    def late(attempt: m.Attempt) -> Iterator[m.Message]:
        reported = list(script(attempt))
        return iter([*reported, *reported[1:]])

    outcome, events = drive(late)
    plain, expected = drive(script)
    assert outcome == plain
    assert [type(event) for event in events] == [type(event) for event in expected]


def test_an_attempt_that_ends_without_a_result_ends_the_run() -> None:
    def empty(attempt: m.Attempt) -> Iterator[m.Message]:
        return iter([m.AttemptDone(task=attempt.key, attempt=attempt.name, duration_s=0.1)])

    with pytest.raises(JobFailedError, match="without what it was to commit"):
        drive(empty)


def test_a_stop_lets_what_runs_finish_and_begins_nothing() -> None:
    outcome, events = drive(script, partitions=9, stop_after=2)
    assert outcome.stopped_by == 15
    assert outcome.done == len(kinds(events, t.PartitionComplete)) < 9
    assert len(kinds(events, t.PartitionStart)) == outcome.done


def test_what_does_not_end_is_abandoned_when_the_drain_is_over() -> None:
    def endless(attempt: m.Attempt) -> Iterator[m.Message]:
        reported = list(script(attempt))
        return iter(reported if attempt.key.number < 2 else reported[:1])

    outcome, _ = drive(endless, partitions=5, stop_after=2)
    assert (outcome.stopped_by, outcome.done) == (15, 2)
