from __future__ import annotations

import random

import pytest

from data_juicer.engine.driver.retry import DELAY_S_MAX, RetryPolicy
from data_juicer.engine.driver.scheduler import (
    AttemptEnded,
    DelayOver,
    DrainAsked,
    GiveUp,
    JobState,
    PartitionFinished,
    RunBegun,
    Submit,
    SubmitLater,
    step,
)

TWICE = RetryPolicy(retries_max=2, backoff="fixed", seed=1)


def begun(pending: list[int], slots: int) -> tuple[JobState, list[object]]:
    state, instructions = step(JobState(pending=pending, slots=slots), RunBegun(), TWICE)
    return state, list(instructions)


def test_free_slots_are_filled_in_the_order_of_the_input() -> None:
    state, instructions = begun([7, 3, 5], slots=2)
    assert instructions == [Submit(7, 1), Submit(3, 1)]
    assert not state.finished


def test_a_finished_partition_makes_room_for_the_next() -> None:
    state, _ = begun([7, 3, 5], slots=2)
    state, instructions = step(state, PartitionFinished(7), TWICE)
    assert instructions == [Submit(5, 1)]
    for partition in (3, 5):
        state, instructions = step(state, PartitionFinished(partition), TWICE)
        assert instructions == []
    assert state.finished
    assert state.done == 3


def test_a_partition_that_waits_for_its_retry_holds_no_slot() -> None:
    state, _ = begun([0, 1], slots=1)
    state, (later, submit) = step(state, AttemptEnded(0, transient=True), TWICE)
    assert isinstance(later, SubmitLater)
    assert submit == Submit(1, 1)
    state, instructions = step(state, DelayOver(0), TWICE)
    assert instructions == []
    state, instructions = step(state, PartitionFinished(1), TWICE)
    assert instructions == [Submit(0, 2)]


def test_a_partition_is_given_up_after_its_last_retry_and_the_others_go_on() -> None:
    state, _ = begun([0, 1], slots=1)
    for attempt in (2, 3):
        state, _ = step(state, AttemptEnded(0, transient=True), TWICE)
        if 1 in state.running:
            state, _ = step(state, PartitionFinished(1), TWICE)
        state, instructions = step(state, DelayOver(0), TWICE)
        assert instructions == [Submit(0, attempt)]
    state, instructions = step(state, AttemptEnded(0, transient=True), TWICE)
    assert instructions == [GiveUp(0)]
    assert state.finished
    assert state.given_up == (0,)


def test_a_permanent_failure_is_not_tried_again() -> None:
    state, _ = begun([0, 1], slots=1)
    state, instructions = step(state, AttemptEnded(0), TWICE)
    assert instructions == [GiveUp(0), Submit(1, 1)]


def test_an_attempt_without_blame_is_made_again_at_once_and_not_counted() -> None:
    state, _ = begun([0, 1], slots=1)
    for attempt in range(2, 9):
        state, instructions = step(state, AttemptEnded(0, blameless=True), TWICE)
        assert instructions == [Submit(0, attempt)]
    assert state.running[0].failures == 0


def test_while_draining_nothing_begins() -> None:
    state, _ = begun([0, 1, 2], slots=2)
    state, _ = step(state, DrainAsked(), TWICE)
    state, instructions = step(state, PartitionFinished(0), TWICE)
    assert instructions == []
    assert not state.finished
    state, _ = step(state, AttemptEnded(1, transient=True), TWICE)
    assert state.finished


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_every_partition_ends_once(seed: int) -> None:
    draw = random.Random(seed)
    pending = list(range(draw.randint(1, 12)))
    slots = draw.randint(1, 4)
    state, _ = begun(pending, slots)
    while not state.finished:
        happenings: list[object] = [DelayOver(partition) for partition in state.waiting]
        for partition in state.running:
            happenings += [
                PartitionFinished(partition),
                AttemptEnded(partition, transient=draw.random() < 0.8),
                AttemptEnded(partition, blameless=True),
            ]
        state, _ = step(state, draw.choice(happenings), TWICE)  # type: ignore[arg-type]
        assert len(state.running) <= slots
    assert state.done + len(state.given_up) == len(pending)
    assert len(set(state.given_up)) == len(state.given_up)


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [("exponential", [1, 2, 4, 8, 16, 32, 60, 60]), ("linear", [1, 2, 3, 4, 5, 6, 7, 8]), ("fixed", [1] * 8)],
)
def test_delays_grow_as_asked_within_a_tenth(backoff: str, expected: list[float]) -> None:
    policy = RetryPolicy(retries_max=9, backoff=backoff, seed=5)  # type: ignore[arg-type]
    delays = [policy.delay_s(3, failures) for failures in range(1, 9)]
    assert all(abs(delay - wanted) <= wanted / 10 for delay, wanted in zip(delays, expected, strict=True))
    assert delays == [policy.delay_s(3, failures) for failures in range(1, 9)]
    assert policy.delay_s(4, 1) != delays[0]
    assert policy.delay_s(3, 10_000) <= DELAY_S_MAX * 1.1
