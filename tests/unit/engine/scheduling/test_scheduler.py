"""The state machine of a run: what it does next, whatever happens."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from data_juicer.engine.scheduling import events as e
from data_juicer.ops.operator_resources import OperatorResources
from data_juicer.plan.tasks import Phase, TaskKey, TaskKind, plan_segments, resolve_key
from tests.support.scheduled_run import OPERATORS, TWICE, ScheduledRun


def kinds(instructions: Sequence[e.Instruction]) -> list[type[e.Instruction]]:
    return [type(instruction) for instruction in instructions]


# ---- slots, retries, ends


def test_free_slots_are_filled_in_the_order_of_the_input() -> None:
    run = ScheduledRun([7, 3, 5], slots=2)
    assert run.submits == [(7, 1), (3, 1)]
    assert not run.scheduler.finished


def test_a_partition_that_is_done_with_its_worker_makes_room_for_the_next_before_it_is_committed() -> None:
    run = ScheduledRun([7, 3, 5], slots=2)
    key = run.key(7)
    assert run.tell(e.StageStaged(task=key, operator_index=2)) == [e.Commit(task=key, operator_index=2)]
    run.tell(e.AttemptDone(task=key))
    assert run.submits == [(5, 1)]
    run.tell(e.StageCommitted(task=key, operator_index=2, is_end=True))
    for partition in (3, 5):
        run.finish(partition)
    assert run.scheduler.finished
    assert run.scheduler.done == 3


def test_a_run_is_not_over_before_its_last_commit_is() -> None:
    run = ScheduledRun([0])
    key = run.key(0)
    run.tell(e.StageStaged(task=key, operator_index=2))
    run.tell(e.AttemptDone(task=key))
    assert not run.scheduler.finished
    run.tell(e.StageCommitted(task=key, operator_index=2, is_end=True))
    assert run.scheduler.finished


def test_a_partition_that_waits_for_its_retry_holds_no_slot() -> None:
    run = ScheduledRun([0, 1])
    reported = run.fail(0, transient=True)
    assert kinds(reported) == [e.TellFailure, e.WakeAfter, e.Submit]
    assert run.submits == [(1, 1)]
    assert run.delay_over(0) == []
    run.finish(1)
    assert run.begun[-1] == (0, 2)


def test_a_partition_is_given_up_after_its_last_retry_and_the_others_go_on() -> None:
    run = ScheduledRun([0, 1])
    for attempt in (2, 3):
        run.fail(0, transient=True)
        if any(key.number == 1 for key in run.scheduler.running):
            run.finish(1)
        run.delay_over(0)
        assert run.submits == [(0, attempt)]
    reported = run.fail(0, transient=True)
    assert reported == [e.TellFailure(task=TaskKey(TaskKind.STAGE, 0, OPERATORS), retry_in_s=None)]
    assert run.scheduler.finished
    assert run.scheduler.given_up == [0]


def test_a_permanent_failure_is_not_tried_again() -> None:
    run = ScheduledRun([0, 1])
    assert kinds(run.fail(0)) == [e.TellFailure, e.Submit]
    assert run.submits == [(1, 1)]


def test_a_fatal_failure_ends_the_run() -> None:
    run = ScheduledRun([0, 1], slots=2)
    assert kinds(run.fail(0, fatal=True)) == [e.TellFailure, e.StopFatally]
    assert run.scheduler.finished


def test_an_attempt_that_came_back_is_made_again_at_once_and_not_counted() -> None:
    run = ScheduledRun([0, 1])
    for attempt in range(2, 9):
        run.tell(e.AttemptReturned(task=run.key(0)))
        assert run.submits == [(0, attempt)]
    for _ in range(TWICE.retries_max):
        run.fail(0, transient=True)
        run.finish(1) if run.submits == [(1, 1)] else None
        run.delay_over(0)
    assert run.scheduler.given_up == []


def test_while_draining_nothing_begins_and_the_end_of_the_drain_abandons_what_runs() -> None:
    run = ScheduledRun([0, 1, 2], slots=2)
    assert run.tell(e.StopAsked()) == [e.WakeAfter(delay_s=7.0, event=e.DrainOver())]
    assert [reported for reported in run.finish(0) if isinstance(reported, e.Submit)] == []
    assert not run.scheduler.finished
    key = run.key(1)
    run.tell(e.StageStaged(task=key, operator_index=1))
    run.tell(e.DrainOver())
    assert not run.scheduler.finished, "a commit is under way"
    run.tell(e.StageCommitted(task=key, operator_index=1, is_end=False, checkpoints=(1,)))
    assert run.scheduler.finished


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_every_partition_ends_once(seed: int) -> None:
    draw = random.Random(seed)
    partitions = list(range(draw.randint(1, 12)))
    run = ScheduledRun(partitions, slots=draw.randint(1, 4))
    limit = run.scheduler._slots
    while not run.scheduler.finished:
        keys = [key.number for key in run.scheduler.running]
        waiting = [key.number for key in run.scheduler.waiting]
        match draw.choice(["finish", "fail", "return", "wake"]):
            case "finish" if keys:
                run.finish(draw.choice(keys))
            case "fail" if keys:
                run.fail(draw.choice(keys), transient=draw.random() < 0.8)
            case "return" if keys:
                run.tell(e.AttemptReturned(task=run.key(draw.choice(keys))))
            case "wake" if waiting:
                run.delay_over(draw.choice(waiting))
            case _:
                continue
        assert len(run.scheduler.running) <= limit
    assert run.scheduler.done + len(run.scheduler.given_up) == len(partitions)
    assert len(set(run.scheduler.given_up)) == len(run.scheduler.given_up)


# ---- commits and checkpoints


def test_a_task_that_failed_waits_for_its_commits_and_goes_on_from_what_they_committed() -> None:
    run = ScheduledRun([0])
    key = run.key(0)
    run.tell(e.StageStaged(task=key, operator_index=1))
    assert run.fail(0, transient=True) == []
    reported = run.tell(e.StageCommitted(task=key, operator_index=1, is_end=False, checkpoints=(1,)))
    assert kinds(reported) == [e.TellFailure, e.WakeAfter]
    run.delay_over(0)
    (submit,) = run.last
    assert isinstance(submit, e.Submit)
    assert submit.task.base == 1


def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_is_gone_on_from() -> None:
    run = ScheduledRun([0], checkpoints={0: [0, 1]})
    reported = run.tell(e.CheckpointDamaged(task=run.key(0), operator_index=1))
    assert reported[0] == e.SetAside(task=TaskKey(TaskKind.STAGE, 0, OPERATORS), operators=(1,), base=0)
    assert isinstance(reported[1], e.Submit)
    assert reported[1].task.base == 0
    reported = run.tell(e.CheckpointDamaged(task=run.key(0), operator_index=0))
    assert isinstance(reported[1], e.Submit)
    assert reported[1].task.base is None


# ---- phases


def test_all_partitions_are_summarised_then_decided_about_then_brought_to_their_results() -> None:
    phases = [
        Phase(until=1, partitions=[0, 1], is_resolved=True),
        Phase(until=OPERATORS, partitions=[0, 1, 2]),
    ]
    run = ScheduledRun([], slots=2, phases=phases)
    assert run.submits == [(0, 1), (1, 1)]
    assert [key.is_summary for key in run.scheduler.running] == [True, True]
    run.finish(0)
    reported = run.finish(1)
    (submit,) = [it for it in reported if isinstance(it, e.Submit)]
    assert (submit.task.key, submit.task.end) == (resolve_key(1), "decisions")
    run.tell(e.StageStaged(task=resolve_key(1), operator_index=1))
    run.tell(e.AttemptDone(task=resolve_key(1)))
    run.tell(e.StageCommitted(task=resolve_key(1), operator_index=1, is_end=True))
    assert run.submits == [(0, 2), (1, 2)], "no number of an attempt is used twice"


def test_a_damaged_summary_is_made_again_before_the_resolve_is() -> None:
    run = ScheduledRun(
        [], phases=[Phase(until=1, partitions=[4], is_resolved=True), Phase(until=3, partitions=[])]
    )
    run.finish(4)
    run.tell(e.SummaryDamaged(task=resolve_key(1), partition_id=4))
    assert run.submits == [(4, 2)]
    reported = run.finish(4)
    assert [it.task.key for it in reported if isinstance(it, e.Submit)] == [resolve_key(1)]


def test_where_a_partition_is_given_up_nothing_is_decided_about_the_others() -> None:
    run = ScheduledRun(
        [], phases=[Phase(until=1, partitions=[0, 1], is_resolved=True), Phase(until=3, partitions=[0])]
    )
    run.fail(0)
    run.finish(1)
    assert run.scheduler.finished
    assert run.scheduler.given_up == [0]


# ---- segments

GPU = OperatorResources(gpus=1.0)
TWO_AT_ONCE = OperatorResources(concurrency=2)


def test_a_stage_ends_where_the_resources_change_and_the_next_goes_on_from_its_checkpoint() -> None:
    run = ScheduledRun([0], segments=plan_segments([OperatorResources(), GPU, OperatorResources()]))
    seen = []
    for _ in range(3):
        (key,) = run.scheduler.running
        task = run.scheduler.running[key].task
        seen.append((task.base, key.until, task.end, task.segment))
        run.finish(0)
    assert seen == [(None, 1, "checkpoint", 0), (0, 2, "checkpoint", 1), (1, 3, "result", 2)]
    assert run.begun == [(0, 1), (0, 2), (0, 3)]
    assert run.scheduler.finished


def test_a_damaged_checkpoint_leads_back_to_the_stage_that_makes_it_again() -> None:
    run = ScheduledRun([0], segments=plan_segments([OperatorResources(), GPU, GPU]), checkpoints={0: [0]})
    assert [it.task.segment for it in run.last if isinstance(it, e.Submit)] == [1]
    reported = run.tell(e.CheckpointDamaged(task=run.key(0), operator_index=0))
    assert [it.task.segment for it in reported if isinstance(it, e.Submit)] == [0]


def test_no_more_tasks_run_at_once_than_num_proc_of_their_operators_allows() -> None:
    segments = plan_segments([OperatorResources(), TWO_AT_ONCE])
    run = ScheduledRun([], slots=8, phases=[Phase(until=2, partitions=list(range(20)))], segments=segments)
    most = 0
    while not run.scheduler.finished:
        stages = [flight.task.segment for flight in run.scheduler.running.values()]
        most = max(most, stages.count(1))
        run.finish(next(iter(run.scheduler.running)).number)
    assert most == 2
    assert run.scheduler.done == 20


def test_a_dataset_operator_with_resources_of_its_own_is_summarised_in_a_stage_of_its_own() -> None:
    segments = plan_segments([OperatorResources(), GPU, OperatorResources()])
    run = ScheduledRun(
        [],
        phases=[Phase(until=1, partitions=[0], is_resolved=True), Phase(until=3, partitions=[0])],
        segments=segments,
    )
    ends = []
    for _ in range(2):
        (key,) = run.scheduler.running
        ends.append((run.scheduler.running[key].task.end, run.scheduler.running[key].task.segment))
        run.finish(0)
    assert ends == [("checkpoint", 0), ("summary", 1)]


def test_where_all_operators_declare_the_same_nothing_is_split() -> None:
    assert len(plan_segments([GPU] * 5)) == 1
    assert len(plan_segments([])) == 1
