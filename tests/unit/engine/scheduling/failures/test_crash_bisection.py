from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from data_juicer.engine.protocol.messages import IsolationPlan, Loss, OperatorRow
from data_juicer.engine.scheduling.failures.crash_bisection import CrashHistory, after_loss


def row_of(operator: int, row: int) -> OperatorRow:
    return OperatorRow(operator_index=operator, row=row, origin=row)


FROM_OUTSIDE = Loss()
CRASH = Loss(from_within=True)


def lose(
    present: CrashHistory, loss: Loss, operator: int | None = 0, reason: str = "why"
) -> tuple[CrashHistory, bool]:
    return after_loss(present, loss, operator, reason)


def test_a_first_kill_from_outside_teaches_nothing_and_counts_as_a_failure() -> None:
    present, is_news = lose(CrashHistory(), FROM_OUTSIDE)
    assert not is_news
    assert present.isolation_plan == IsolationPlan()


def test_a_second_kill_in_an_operator_makes_it_careful() -> None:
    present, _ = lose(CrashHistory(), FROM_OUTSIDE)
    present, is_news = lose(present, FROM_OUTSIDE)
    assert is_news
    assert present.isolation_plan == IsolationPlan(row_by_row=frozenset({0}))


def test_a_crash_makes_its_operator_careful_at_once() -> None:
    present, is_news = lose(CrashHistory(), CRASH, operator=3)
    assert is_news
    assert present.isolation_plan.row_by_row == {3}


def test_a_worker_lost_while_rows_are_read_or_saved_blames_no_operator() -> None:
    present = CrashHistory()
    for _ in range(5):
        present, is_news = lose(present, CRASH, operator=None)
        assert not is_news
    assert present.isolation_plan == IsolationPlan()


def test_a_row_is_blamed_only_after_a_worker_was_lost_with_it_alone() -> None:
    present, _ = lose(CrashHistory(), CRASH)
    present, is_news = lose(present, Loss(row=row_of(0, 7)))
    assert (is_news, present.isolation_plan.first, present.isolation_plan.excluded) == (
        True,
        row_of(0, 7),
        (),
    )
    alone = Loss(row=row_of(0, 7), alone=True, from_within=True)
    present, is_news = lose(present, alone, reason="SIGSEGV in my_op")
    assert is_news
    assert [(taken.row, taken.reason) for taken in present.isolation_plan.excluded] == [
        (row_of(0, 7), "SIGSEGV in my_op")
    ]
    assert present.isolation_plan.first is None


def test_a_suspect_killed_by_a_signal_that_may_come_from_outside_is_tried_alone_again() -> None:
    present, _ = lose(CrashHistory(), CRASH)
    present, _ = lose(present, Loss(row=row_of(0, 7)))
    present, is_news = lose(present, Loss(row=row_of(0, 7), alone=True))
    assert (is_news, present.blamed, present.isolation_plan.first) == (True, (), row_of(0, 7))
    present, is_news = lose(present, Loss(row=row_of(0, 7), alone=True))
    assert is_news
    assert [taken.row for taken in present.blamed] == [row_of(0, 7)]


def test_a_row_lost_twice_in_company_is_not_blamed() -> None:
    present, _ = lose(CrashHistory(), CRASH)
    for expected_news in (True, False, False):
        present, is_news = lose(present, Loss(row=row_of(0, 7)))
        assert is_news is expected_news
    assert not present.blamed


def test_a_suspect_that_was_innocent_costs_a_retry_when_the_next_one_is_found() -> None:
    present, _ = lose(CrashHistory(), CRASH)
    present, _ = lose(present, Loss(row=row_of(0, 7)))
    present, is_news = lose(present, Loss(row=row_of(0, 9)))
    assert not is_news
    assert present.suspect == row_of(0, 9)


def test_a_row_blamed_in_an_earlier_operator_makes_those_of_later_ones_unknown_again() -> None:
    present = CrashHistory()
    for operator in (2, 0):
        present, _ = lose(present, CRASH, operator)
        present, _ = lose(present, Loss(row=row_of(operator, 5)), operator)
        present, _ = lose(present, Loss(row=row_of(operator, 5), alone=True, from_within=True), operator)
    assert [taken.row for taken in present.blamed] == [row_of(0, 5)]
    assert present.careful == {0, 2}


@dataclass
class Attempts:
    """A partition of some rows through some operators, as a worker with this care would fare."""

    operators: int
    rows: int
    killers: frozenset[tuple[int, int]]
    rng: random.Random
    kills_left: int = 0
    """From outside, at random moments."""
    counted: int = field(default=0)
    made: int = field(default=0)

    def run(self) -> set[tuple[int, int]]:
        """Rows blamed when an attempt comes through, by operator and source row."""
        present = CrashHistory()
        while (lost := self._attempt(present.isolation_plan)) is not None:
            self.made += 1
            present, is_news = after_loss(present, lost[0], lost[1], "why")
            self.counted += not is_news
            assert self.made < 10_000
        return {(taken.row.operator_index, taken.row.origin) for taken in present.blamed}

    def _attempt(self, care: IsolationPlan) -> tuple[Loss, int] | None:
        left = list(range(self.rows))
        for operator in range(self.operators):
            taken = {each.row for each in care.excluded}
            rows = {
                number: OperatorRow(operator_index=operator, row=number, origin=origin)
                for number, origin in enumerate(left)
            }
            todo = [row for row in rows.values() if row not in taken]
            left = [row.origin for row in todo]
            if operator not in care.row_by_row:
                if self._is_killed_from_outside(3):
                    return Loss(), operator
                if any((operator, row.origin) in self.killers for row in todo):
                    return Loss(from_within=True), operator
                continue
            first = [row for row in todo if row == care.first]
            for number, row in enumerate([*first, *todo]):
                alone = bool(first) and number == 0
                if self._is_killed_from_outside(self.rows):
                    return Loss(row=row, alone=alone), operator
                if (operator, row.origin) in self.killers:
                    return Loss(row=row, alone=alone, from_within=True), operator
        return None

    def _is_killed_from_outside(self, odds: int) -> bool:
        killed = self.kills_left > 0 and self.rng.randrange(odds) == 0
        self.kills_left -= killed
        return killed


@pytest.mark.parametrize("seed", range(50))
def test_exactly_the_killing_rows_are_found_and_they_cost_no_retry(seed: int) -> None:
    rng = random.Random(seed)
    killers = frozenset((rng.randrange(4), row) for row in rng.sample(range(30), 4))
    attempts = Attempts(operators=4, rows=30, killers=killers, rng=rng)
    assert attempts.run() == killers
    assert attempts.counted == 0


@pytest.mark.parametrize("seed", range(50))
def test_kills_from_outside_never_cost_a_row(seed: int) -> None:
    rng = random.Random(seed)
    attempts = Attempts(operators=3, rows=400, killers=frozenset(), rng=rng, kills_left=25)
    assert attempts.run() == set()


@pytest.mark.parametrize("seed", range(50))
def test_kills_from_outside_among_killing_rows_blame_nobody_else(seed: int) -> None:
    rng = random.Random(seed)
    killers = frozenset((rng.randrange(3), row) for row in rng.sample(range(400), 2))
    attempts = Attempts(operators=3, rows=400, killers=killers, rng=rng, kills_left=8)
    assert attempts.run() == killers
