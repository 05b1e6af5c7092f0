"""How the state machine of a run ends when too many rows are lost, and what crashes cost a partition."""

from __future__ import annotations

from data_juicer.engine.protocol.messages import Loss, OperatorRow
from data_juicer.engine.scheduling import events as e
from data_juicer.engine.scheduling.failures.crash_bisection import ROWS_TRIED_MIN
from data_juicer.engine.scheduling.failures.dead_letter_budget import DeadLetterBudget
from data_juicer.engine.scheduling.failures.retry import RetryPolicy
from data_juicer.plan.tasks import Phase
from tests.support.scheduled_run import OPERATORS, ScheduledRun


def test_dead_letters_end_the_run_once_no_other_row_can_change_that() -> None:
    budget = DeadLetterBudget(ratio_max=0.01, rows=1_000)
    run = ScheduledRun([0, 1, 2], budget=budget)
    run.finish(0, rows_dead=10)
    assert not run.scheduler.finished
    reported = run.finish(1, rows_dead=1)
    assert reported[-1] == e.StopForDeadLetters(rows_dead=11)


def test_dead_letters_of_earlier_runs_count() -> None:
    phase = Phase(until=OPERATORS, partitions=[0], rows_dead_before=11)
    run = ScheduledRun([], phases=[phase], budget=DeadLetterBudget(ratio_max=0.01, rows=1_000))
    assert run.last == [e.StopForDeadLetters(rows_dead=11)]


def crash(run: ScheduledRun, partition: int, row: int | None, rows_before: int = -1) -> list[e.Instruction]:
    suspect = None if row is None else OperatorRow(operator_index=1, row=row, origin=row)
    loss = Loss(row=suspect, from_within=True, rows_before=rows_before)
    return run.fail(partition, transient=True, operator_index=1, reason="SIGSEGV", loss=loss)


def test_an_operator_that_crashes_on_every_row_ends_the_run_after_a_few_workers() -> None:
    run = ScheduledRun([0, 1], slots=1, budget=DeadLetterBudget(ratio_max=0.5, rows=100_000))
    workers = 1
    reported = crash(run, 0, None)
    while not run.scheduler.finished:
        workers += 1
        reported = crash(run, 0, row=workers * 100, rows_before=0)
    assert reported[-1] == e.StopForCrashes(operator_index=1, rows_tried=ROWS_TRIED_MIN)
    assert workers == ROWS_TRIED_MIN + 1


def test_an_operator_that_some_row_has_passed_is_not_said_to_crash_on_every_row() -> None:
    run = ScheduledRun([0], budget=DeadLetterBudget(ratio_max=0.5, rows=100_000))
    run.tell(e.OperatorWorks(operator_index=1))
    crash(run, 0, None)
    for row in range(3 * ROWS_TRIED_MIN):
        crash(run, 0, row, rows_before=0)
    assert not run.scheduler.finished


def test_crashes_that_exceed_what_the_ratio_allows_end_the_run_before_they_are_committed() -> None:
    run = ScheduledRun([0], budget=DeadLetterBudget(ratio_max=0.02, rows=100))
    run.tell(e.OperatorWorks(operator_index=1))
    crash(run, 0, None)
    for row in range(2):
        crash(run, 0, row, rows_before=0)
    assert crash(run, 0, 3, rows_before=0)[-1] == e.StopForDeadLetters(rows_dead=3, operator_index=1)


def test_a_partition_that_loses_its_worker_to_another_one_loses_no_try() -> None:
    run = ScheduledRun([0], retry=RetryPolicy(retries_max=0, backoff="fixed", seed=1))
    for _ in range(3):
        run.fail(0, transient=True, loss=Loss(is_bystander=True))
        assert run.submits
    run.fail(0, transient=True, loss=Loss(is_bystander=True))
    assert run.scheduler.given_up == [0], "it may be what workers die of all the same"
