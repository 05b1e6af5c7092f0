from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from data_juicer.engine.protocol.messages import ExcludedRow, IsolationPlan, OperatorRow
from data_juicer.engine.worker.apply_operator import Applied, run_operator
from data_juicer.engine.worker.row_isolation import RowIsolation, halving_order
from data_juicer.ops.base import Mapper, Operator
from data_juicer.ops.catalog.registry import make
from data_juicer.rows.batch import Batch
from data_juicer.store.deltas import join_batches, split_batch
from data_juicer.testing.rows import batch_of

TEXTS = [f"row  {number}" for number in range(7)]


def batches(texts: list[str] = TEXTS) -> list[Batch]:
    return split_batch(batch_of([{"text": text} for text in texts]), 3)


def texts_of(applied: Applied) -> list[str]:
    return join_batches(applied.batches).text("text").to_pylist()


@pytest.fixture
def mapper() -> Operator:
    return make("whitespace_normalization_mapper", {}, text_key="text")


@pytest.fixture
def announced() -> list[tuple[int, int, bool]]:
    return []


@pytest.fixture
def handle(announced: list[tuple[int, int, bool]]) -> Callable[..., RowIsolation]:
    def make_handling(**care: Any) -> RowIsolation:
        def announce(first: OperatorRow, rows: int, alone: bool) -> None:
            announced.append((first.row, rows, alone))

        return RowIsolation.of(IsolationPlan(**care), 2, announce)

    return make_handling


def row_of(number: int, origin: int | None = None) -> OperatorRow:
    return OperatorRow(operator_index=2, row=number, origin=number if origin is None else origin)


def test_without_care_each_batch_is_given_whole(mapper, handle, announced) -> None:
    run_operator(mapper, 2, batches(), isolation=handle())
    assert announced == [(0, 3, False), (3, 3, False), (6, 1, False)]


def test_row_by_row_gives_the_same_rows_one_at_a_time(mapper, handle, announced) -> None:
    careful = run_operator(mapper, 2, batches(), isolation=handle(row_by_row=frozenset({2})))
    assert texts_of(careful) == texts_of(run_operator(mapper, 2, batches()))
    assert announced == [(row, 1, False) for row in (1, 0, 2, 4, 3, 5, 6)]
    assert [batch.base.tolist() for batch in careful.batches] == [[0, 1, 2], [3, 4, 5], [6]]


def test_care_of_another_operator_changes_nothing(mapper, handle, announced) -> None:
    other = OperatorRow(operator_index=1, row=4, origin=4)
    taken = (ExcludedRow(row=other, reason="why"),)
    applied = run_operator(
        mapper, 2, batches(), isolation=handle(row_by_row=frozenset({1}), first=other, excluded=taken)
    )
    assert announced == [(0, 3, False), (3, 3, False), (6, 1, False)]
    assert len(texts_of(applied)) == 7


def test_a_suspect_is_given_alone_before_any_other_row_and_kept(mapper, handle, announced) -> None:
    applied = run_operator(mapper, 2, batches(), isolation=handle(first=row_of(4)))
    assert announced[0] == (4, 1, True)
    assert announced[1:] == [(0, 3, False), (3, 3, False), (6, 1, False)]
    assert len(texts_of(applied)) == 7


def test_a_suspect_that_is_not_the_same_row_any_more_is_not_tried(mapper, handle, announced) -> None:
    run_operator(mapper, 2, batches(), isolation=handle(first=row_of(4, origin=5)))
    assert (4, 1, True) not in announced


def test_a_row_taken_out_is_never_given_to_the_operator_and_is_a_dead_row(mapper, handle, announced) -> None:
    taken = ExcludedRow(row=row_of(4), reason="SIGSEGV in my_op")
    care = {"row_by_row": frozenset({2}), "excluded": (taken,)}
    applied = run_operator(mapper, 2, batches(), isolation=handle(**care))
    assert sorted(row for row, _, _ in announced) == [0, 1, 2, 3, 5, 6]
    assert [(dead.row, str(dead.error)) for dead in applied.dead] == [(1, "SIGSEGV in my_op")]
    assert applied.ledger.rows_dead_letter == 1
    assert applied.ledger.balances


def test_a_row_whose_number_another_one_has_now_is_not_taken_out(mapper, handle) -> None:
    taken = ExcludedRow(row=row_of(4, origin=5), reason="why")
    applied = run_operator(mapper, 2, batches(), isolation=handle(excluded=(taken,)))
    assert not applied.dead


def test_a_suspect_that_raises_when_it_is_alone_is_isolated_in_its_turn(handle) -> None:
    class Picky(Mapper):
        name = "picky"

        def process(self, batch: Batch) -> Batch:
            if "row  4" in batch.text("text").to_pylist():
                raise ValueError("not this one")
            return batch

    applied = run_operator(Picky(), 2, batches(), isolation=handle(first=row_of(4)))
    assert [(dead.row, str(dead.error)) for dead in applied.dead] == [(1, "not this one")]
    assert len(texts_of(applied)) == 6


@pytest.mark.parametrize("rows", [0, 1, 2, 7, 100])
def test_the_halving_order_has_every_row_once(rows: int) -> None:
    assert sorted(halving_order(rows)) == list(range(rows))


def test_the_first_rows_that_are_tried_are_spread_over_the_batch() -> None:
    order = list(halving_order(1000))
    assert order[:5] == [500, 250, 750, 125, 375]
