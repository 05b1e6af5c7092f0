"""Copies of stragglers in the state machine of a run: what ends first counts, and a copy costs no try."""

from __future__ import annotations

import random

import pytest

from data_juicer.engine.protocol.messages import Loss
from data_juicer.engine.scheduling import events as e
from data_juicer.engine.scheduling.copies import COPIES_MAX
from data_juicer.engine.scheduling.failures.dead_letter_budget import DeadLetterBudget
from data_juicer.engine.scheduling.failures.retry import RetryPolicy
from data_juicer.engine.scheduling.history import encode_history, replay
from data_juicer.engine.scheduling.run_plan import RunPlan
from data_juicer.engine.scheduling.scheduler import Scheduler
from data_juicer.ops.operator_resources import OperatorResources
from data_juicer.plan.tasks import Phase, TaskKey, TaskKind, plan_segments

OPERATORS = 3
LATE_S = 100.0


def key(partition: int) -> TaskKey:
    return TaskKey(TaskKind.STAGE, partition, OPERATORS)


class Run:
    """A scheduler that looks for stragglers, and everything that it asked for."""

    def __init__(self, partitions: int, slots: int = 4, retries_max: int = 1, **plan: object) -> None:
        self.plan = RunPlan(
            phases=(Phase(until=OPERATORS, partitions=tuple(range(partitions))),),
            segments=plan_segments([OperatorResources()] * OPERATORS),
            slots=slots,
            retry=RetryPolicy(retries_max=retries_max, backoff="fixed", seed=1),
            budget=DeadLetterBudget(ratio_max=1.0, rows=1000),
            speculates=True,
            **plan,  # type: ignore[arg-type]
        )
        self.scheduler = Scheduler(self.plan)
        self.history: list[bytes] = []
        self.instructions: list[e.Instruction] = []
        self.tell(e.RunBegan())

    def tell(self, event: e.Event) -> list[e.Instruction]:
        self.history.append(encode_history(event))
        answer = self.scheduler.handle(event)
        self.instructions += answer
        return answer

    def begin(self, partition: int, worker: str = "w") -> None:
        self.tell(e.AttemptBegan(task=key(partition), worker=worker, at_s=0.0))

    def end(self, partition: int, duration_s: float = 1.0) -> list[e.Instruction]:
        """The attempt stages its result and is over; the commit follows."""
        self.tell(e.StageStaged(task=key(partition), operator_index=OPERATORS - 1))
        answer = self.tell(e.AttemptDone(task=key(partition), duration_s=duration_s))
        return answer + self.tell(
            e.StageCommitted(task=key(partition), operator_index=OPERATORS - 1, is_end=True)
        )

    def count(self, kind: type[e.Instruction]) -> int:
        return sum(isinstance(each, kind) for each in self.instructions)


def with_a_copy(retries_max: int = 1) -> Run:
    """Partition 0 runs and has a copy; partitions 1 to 3 are done, 4 to 6 run."""
    run = Run(7, retries_max=retries_max)
    run.begin(0)
    for partition in (1, 2, 3):
        run.begin(partition, "other")
        run.end(partition)
    (copy,) = [each for each in run.tell(e.TimePassed(at_s=LATE_S)) if isinstance(each, e.SubmitCopy)]
    assert (copy.task.key, copy.attempt, copy.usual_s) == (key(0), 2, 1.0)
    return run


def finish_others(run: Run) -> None:
    for partition in (4, 5, 6):
        run.end(partition)


def test_the_copy_that_ends_first_takes_over_and_the_partition_is_done_once() -> None:
    run = with_a_copy()
    assert run.tell(e.CopyDone(task=key(0))) == [e.TakeOver(task=key(0))]
    run.begin(0, "other")
    run.end(0)
    finish_others(run)
    assert (run.scheduler.finished, run.scheduler.done) == (True, 7)


def test_the_copy_is_cancelled_when_the_straggler_ends_first() -> None:
    run = with_a_copy()
    assert e.CancelCopy(task=key(0)) in run.end(0)
    finish_others(run)
    assert (run.scheduler.finished, run.scheduler.done, run.count(e.TakeOver)) == (True, 7, 0)


def test_commits_in_flight_are_waited_for_before_the_copy_takes_over() -> None:
    run = with_a_copy()
    run.tell(e.StageStaged(task=key(0), operator_index=0))
    assert run.tell(e.CopyDone(task=key(0))) == []
    committed = e.StageCommitted(task=key(0), operator_index=0, checkpoints=(0,), is_end=False)
    assert run.tell(committed) == [e.TakeOver(task=key(0))]


def test_a_copy_that_fails_costs_no_try_and_teaches_nothing() -> None:
    run = with_a_copy(retries_max=0)
    assert run.tell(e.CopyFailed(task=key(0))) == []
    run.end(0)
    finish_others(run)
    assert (run.scheduler.given_up, run.scheduler.done) == ([], 7)
    assert run.count(e.TellFailure) == 0


def test_copies_of_one_partition_are_bounded() -> None:
    run = with_a_copy()
    for number in range(1, 2 * COPIES_MAX):
        run.tell(e.CopyFailed(task=key(0)))
        run.tell(e.TimePassed(at_s=LATE_S + number))
    assert run.count(e.SubmitCopy) == COPIES_MAX


def test_a_straggler_that_fails_leaves_its_place_to_the_copy_even_after_the_last_retry() -> None:
    run = with_a_copy(retries_max=0)
    answer = run.tell(e.AttemptFailed(task=key(0), transient=True))
    assert answer[:2] == [e.TellFailure(task=key(0), retry_in_s=0.0), e.TakeOver(task=key(0))]
    run.end(0)
    finish_others(run)
    assert (run.scheduler.given_up, run.scheduler.done) == ([], 7)


def test_where_the_copy_fails_as_well_the_partition_is_given_up_as_without_one() -> None:
    run = with_a_copy(retries_max=0)
    run.tell(e.AttemptFailed(task=key(0), transient=True))
    answer = run.tell(e.AttemptFailed(task=key(0), transient=True))
    assert e.TellFailure(task=key(0), retry_in_s=None) in answer
    assert run.scheduler.given_up == [0]


def test_a_straggler_whose_worker_went_away_unbegun_leaves_its_place_to_the_copy() -> None:
    run = with_a_copy()
    assert run.tell(e.AttemptReturned(task=key(0))) == [e.TakeOver(task=key(0))]


def test_a_crash_that_teaches_something_is_looked_into_by_one_attempt_alone() -> None:
    run = with_a_copy()
    crash = e.AttemptFailed(task=key(0), transient=True, operator_index=1, loss=Loss(from_within=True))
    answer = run.tell(crash)
    assert [type(each) for each in answer[:2]] == [e.CancelCopy, e.TellFailure]
    (again,) = [each for each in run.instructions if isinstance(each, e.Submit) and each.attempt == 3]
    assert again.isolation.row_by_row == {1}
    run.tell(e.TimePassed(at_s=10 * LATE_S))
    assert not any(isinstance(each, e.SubmitCopy) and each.attempt > 3 for each in run.instructions)


def test_a_damaged_checkpoint_ends_the_copy_which_may_go_on_from_it_too() -> None:
    run = with_a_copy()
    answer = run.tell(e.CheckpointDamaged(task=key(0), operator_index=0))
    assert [type(each) for each in answer][:2] == [e.CancelCopy, e.SetAside]


def test_what_costs_something_outside_is_never_copied() -> None:
    run = Run(7, unrepeatable=frozenset({2}))
    run.begin(0)
    for partition in (1, 2, 3):
        run.begin(partition, "other")
        run.end(partition)
    assert run.tell(e.TimePassed(at_s=LATE_S)) == []


def test_no_copy_begins_once_a_stop_was_asked_for() -> None:
    run = with_a_copy()
    run.tell(e.CopyFailed(task=key(0)))
    run.tell(e.StopAsked())
    assert run.tell(e.TimePassed(at_s=2 * LATE_S)) == []


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_each_partition_is_done_once_and_the_history_can_be_replayed(seed: int) -> None:
    draw, partitions, slots = random.Random(seed), 40, 8
    run = Run(partitions, slots=slots, retries_max=99)
    copied, began, now_s = set[int](), set[int](), 0.0
    while not run.scheduler.finished:
        now_s += 0.3
        running = [it.number for it in run.scheduler.running]
        for waiting in list(run.scheduler.waiting):
            run.tell(e.DelayOver(task=waiting))
        answer = run.tell(e.TimePassed(at_s=now_s))
        copied |= {each.task.key.number for each in answer if isinstance(each, e.SubmitCopy)}
        assert len(copied) <= max(1, slots // 4)
        if not running:
            continue
        partition = draw.choice(running)
        if partition not in began:
            began.add(partition)
            run.tell(e.AttemptBegan(task=key(partition), worker=f"w{partition % 4}", at_s=now_s))
        what = draw.choice(["end"] * 3 + ["fail", "copy done", "copy failed", "nothing"])
        if partition % 9 == 0 and partition not in copied and draw.random() < 0.95:
            what = "nothing"  # these take their time
        if what == "end":
            run.end(partition, 0.5)
            copied.discard(partition)
            began.discard(partition)
        elif what == "fail":
            run.tell(e.AttemptFailed(task=key(partition), transient=True))
            copied.discard(partition)
            began.discard(partition)
        elif what == "copy done" and partition in copied:
            run.tell(e.CopyDone(task=key(partition)))
            copied.discard(partition)
            run.end(partition, 0.5)
            began.discard(partition)
        elif what == "copy failed" and partition in copied:
            run.tell(e.CopyFailed(task=key(partition)))
            copied.discard(partition)
    assert (run.scheduler.done, run.scheduler.given_up) == (partitions, [])
    answers = list(replay([encode_history(run.plan), *run.history]))
    assert [each for answer in answers for each in answer] == run.instructions
