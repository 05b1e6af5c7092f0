"""Tasks that do not wait for each other: what is submitted, when it is made again, and how it ends."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from data_juicer.engine.scheduling import events as e
from data_juicer.engine.scheduling.failures.retry import RetryPolicy
from data_juicer.engine.scheduling.history import encode_history, replay
from data_juicer.engine.scheduling.task_pool import PoolPlan, TaskPool
from data_juicer.plan.tasks import Task, TaskKey, TaskKind


def key(number: int) -> TaskKey:
    return TaskKey(TaskKind.SCAN, number)


def offered(number: int) -> e.TaskOffered:
    return e.TaskOffered(task=Task(key=key(number), end="answer"))


def plan(slots: int = 2, retries_max: int = 1) -> PoolPlan:
    retry = RetryPolicy(retries_max=retries_max, backoff="fixed", seed=0)
    return PoolPlan(slots=slots, retry=retry, drain_s=3.0)


def submitted(instructions: list[e.Instruction]) -> list[tuple[int, int]]:
    return [(it.task.key.number, it.attempt) for it in instructions if isinstance(it, e.Submit)]


def test_as_many_tasks_run_as_there_are_slots() -> None:
    pool = TaskPool(plan(slots=2))
    assert pool.is_idle
    assert [submitted(pool.handle(offered(number))) for number in (1, 2, 3)] == [[(1, 1)], [(2, 1)], []]
    assert pool.room == 0
    assert submitted(pool.handle(e.AttemptDone(task=key(1)))) == [(3, 1)]
    pool.handle(e.AttemptDone(task=key(3)))
    assert not pool.is_idle
    pool.handle(e.AttemptDone(task=key(2)))
    assert pool.is_idle


def test_a_lost_worker_costs_a_delay_and_another_attempt() -> None:
    pool = TaskPool(plan(slots=1))
    pool.handle(offered(1))
    reported, wake = pool.handle(e.AttemptFailed(task=key(1), transient=True, reason="SIGKILL"))
    assert isinstance(reported, e.TellFailure)
    assert reported.retry_in_s is not None
    assert isinstance(wake, e.WakeAfter)
    assert not pool.is_idle
    assert submitted(pool.handle(wake.event)) == [(1, 2)]


@pytest.mark.parametrize(
    "how", [{"transient": True}, {"transient": False}, {"transient": True, "fatal": True}]
)
def test_a_task_that_is_out_of_retries_or_cannot_do_better_ends_the_pool(how: dict[str, bool]) -> None:
    pool = TaskPool(plan(retries_max=0))
    pool.handle(offered(1))
    assert pool.handle(e.AttemptFailed(task=key(1), **how))[-1] == e.StopFatally(task=key(1))
    assert (pool.is_idle, pool.room) == (True, 0)
    assert pool.handle(offered(2)) == []


def test_what_no_worker_took_up_is_made_again_at_once() -> None:
    pool = TaskPool(plan(slots=1))
    pool.handle(offered(1))
    assert submitted(pool.handle(e.AttemptReturned(task=key(1)))) == [(1, 2)]


def test_a_stop_lets_what_runs_go_on_for_a_while() -> None:
    pool = TaskPool(plan(slots=2))
    for number in (1, 2):
        pool.handle(offered(number))
    (wake,) = pool.handle(e.StopAsked())
    assert wake == e.WakeAfter(delay_s=3.0, event=e.DrainOver())
    pool.handle(e.AttemptDone(task=key(1)))
    assert (pool.room, pool.is_idle) == (0, False)
    pool.handle(e.DrainOver())
    assert pool.is_idle


def test_its_history_can_be_replayed() -> None:
    first, events = plan(), [offered(1), e.AttemptReturned(task=key(1)), e.SlotsChanged(slots=5), offered(2)]
    pool = TaskPool(first)
    answered = [pool.handle(event) for event in events]
    assert list(replay([encode_history(first), *map(encode_history, events)])) == answered


# ---- copies


def with_a_copy() -> TaskPool:
    """Task 1 runs and has a copy; tasks 2 to 4 are done."""
    pool = TaskPool(replace(plan(slots=4), speculates=True))
    for number in (1, 2, 3, 4):
        pool.handle(offered(number))
        pool.handle(e.AttemptBegan(task=key(number), worker="slow" if number == 1 else "w", at_s=0.0))
    for number in (2, 3, 4):
        pool.handle(e.AttemptDone(task=key(number), duration_s=1.0))
    (copy,) = pool.handle(e.TimePassed(at_s=50.0))
    assert isinstance(copy, e.SubmitCopy)
    assert (copy.task.key, copy.attempt) == (key(1), 2)
    return pool


def test_the_copy_of_a_task_that_ends_first_takes_over() -> None:
    pool = with_a_copy()
    assert pool.handle(e.CopyDone(task=key(1))) == [e.TakeOver(task=key(1))]
    assert pool.handle(e.AttemptDone(task=key(1))) == []
    assert pool.is_idle


def test_the_copy_of_a_task_is_cancelled_when_the_task_is_done() -> None:
    pool = with_a_copy()
    assert pool.handle(e.AttemptDone(task=key(1))) == [e.CancelCopy(task=key(1))]
    assert pool.is_idle


def test_a_task_that_fails_leaves_its_place_to_its_copy_and_a_failed_copy_costs_nothing() -> None:
    pool = with_a_copy()
    answer = pool.handle(e.AttemptFailed(task=key(1), transient=True))
    assert answer == [e.TellFailure(task=key(1), retry_in_s=0.0), e.TakeOver(task=key(1))]
    pool = with_a_copy()
    assert pool.handle(e.CopyFailed(task=key(1))) == []
    assert pool.handle(e.AttemptReturned(task=key(1)))[0] == e.Submit(
        task=Task(key=key(1), end="answer"), attempt=3
    )


def test_a_task_that_fails_for_good_ends_its_copy() -> None:
    answer = with_a_copy().handle(e.AttemptFailed(task=key(1)))
    assert [type(each) for each in answer] == [e.CancelCopy, e.TellFailure, e.StopFatally]
