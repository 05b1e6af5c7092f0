"""One operator over batches: what became of every row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_juicer.engine.worker.apply_operator import Applied, run_operator
from data_juicer.engine.worker.row_isolation import apply_isolated
from data_juicer.errors import StoreError
from data_juicer.kernels.arrays import Mask
from data_juicer.ops.base import Filter, Mapper
from data_juicer.rows.batch import Batch
from data_juicer.store.deltas import apply_delta, join_batches, make_delta, split_batch
from data_juicer.testing.rows import batch_of


class Upper(Mapper):
    """Upper case; raises where a row says `bad`, doubles a row that says `twice`, drops one that says `gone`."""

    name = "upper"

    def process(self, batch: Batch) -> Batch:
        texts = batch.text("text").to_pylist()
        if "bad" in texts:
            raise ValueError("a bad row")
        times = [{"twice": 2, "gone": 0}.get(text, 1) for text in texts]
        batch = batch.with_text("text", pc.utf8_upper(batch.text("text")))
        if set(times) == {1}:
            return batch
        return batch.take(np.repeat(np.arange(len(batch), dtype=np.int32), times))


class Long(Filter):
    name = "long"

    def compute_stats(self, batch: Batch) -> Mapping[str, pa.Array]:
        return {"length": pc.utf8_length(batch.text("text"))}

    def keep(self, stats: Mapping[str, pa.Array]) -> Mask:
        return pc.greater(stats["length"], 3).to_numpy(zero_copy_only=False)


def batches(texts: Sequence[str], rows_max: int = 1000) -> list[Batch]:
    return split_batch(batch_of([{"text": text} for text in texts]).rebased(), rows_max)


def texts_of(applied: Applied) -> list[str]:
    return [text for batch in applied.batches for text in batch.text("text").to_pylist()]


def counts(applied: Applied) -> tuple[int, int, int, int, int]:
    present = applied.ledger
    return (
        present.rows_in,
        present.rows_generated,
        present.rows_out,
        present.rows_filtered,
        present.rows_dead_letter,
    )


@pytest.mark.parametrize("rows_max", [1, 2, 3, 100])
def test_rows_are_generated_dropped_and_lost_and_all_are_counted(rows_max: int) -> None:
    applied = run_operator(Upper(), 4, batches(["a", "twice", "bad", "gone", "b"], rows_max))
    assert texts_of(applied) == ["A", "TWICE", "TWICE", "B"]
    assert counts(applied) == (5, 1, 4, 1, 1)
    assert applied.ledger.balances
    (dead,) = applied.dead
    assert dead.batch.text("text")[dead.row].as_py() == "bad"
    assert str(dead.error) == "a bad row"
    assert join_batches(applied.batches).base.tolist() == [0, 1, 1, 4]  # type: ignore[union-attr]


def test_a_filter_counts_what_it_left_out() -> None:
    applied = run_operator(Long(), 0, batches(["one", "three", "", "seven"]))
    assert texts_of(applied) == ["three", "seven"]
    assert counts(applied) == (4, 0, 2, 2, 0)
    assert applied.ledger.text_bytes == 13


def test_no_rows_are_no_work() -> None:
    applied = run_operator(Upper(), 0, batches([]))
    assert counts(applied) == (0, 0, 0, 0, 0)


def test_where_every_row_fails_none_is_left() -> None:
    applied = run_operator(Upper(), 0, batches(["bad", "bad", "bad"], 2))
    assert texts_of(applied) == []
    assert counts(applied) == (3, 0, 0, 0, 3)


@given(
    texts=st.lists(st.sampled_from(["a", "bb", "twice", "gone", "bad", "longer"]), max_size=12),
    rows_max=st.integers(1, 12),
)
def test_the_ledger_balances_and_batches_do_not_show(texts: list[str], rows_max: int) -> None:
    whole = run_operator(Upper(), 0, batches(texts))
    split = run_operator(Upper(), 0, batches(texts, rows_max))
    assert texts_of(split) == texts_of(whole)
    assert split.ledger == whole.ledger
    assert split.ledger.balances
    assert split.ledger.rows_dead_letter == texts.count("bad")


# ---- halving


def failing_on(bad: set[int], calls: list[int]) -> Callable[[Batch], Batch]:
    def apply(piece: Batch) -> Batch:
        calls.append(len(piece))
        if bad & set(piece.origin.tolist()):
            raise ValueError("somewhere in here")
        return piece

    return apply


@given(rows=st.integers(1, 70), bad=st.sets(st.integers(0, 69), max_size=8))
def test_halving_finds_exactly_the_rows_that_fail(rows: int, bad: set[int]) -> None:
    bad = {row for row in bad if row < rows}
    batch = batch_of([{"text": str(row)} for row in range(rows)])
    done, failed = apply_isolated(failing_on(bad, []), batch)
    assert {row.row for row in failed} == bad
    assert sorted(row for _, piece in done for row in piece.origin.tolist()) == sorted(set(range(rows)) - bad)
    assert all(piece.origin.tolist()[0] == start for start, piece in done)


def test_a_batch_without_a_bad_row_costs_one_call_and_one_bad_row_few() -> None:
    batch = batch_of([{"text": "x"}] * 1024)
    calls: list[int] = []
    apply_isolated(failing_on(set(), calls), batch)
    assert calls == [1024]
    calls.clear()
    apply_isolated(failing_on({700}, calls), batch)
    assert len(calls) == 21


def test_a_full_disk_is_no_rows_fault() -> None:
    def apply(_: Batch) -> Batch:
        raise StoreError("the disk is full")

    with pytest.raises(StoreError):
        apply_isolated(apply, batch_of([{"text": "x"}] * 4))


@pytest.mark.parametrize("rows_max", [2, 1000])
def test_a_delta_of_several_operators_holds_what_the_first_one_changed_and_the_last_one_moved(
    rows_max: int,
) -> None:
    below = batch_of([{"text": text} for text in ["one", "four", "three", "GONE", "FIVE"]]).rebased()
    batches = split_batch(below, rows_max)
    for index, operator in enumerate([Upper(), Long()]):
        batches = run_operator(operator, index, batches).batches
    delta = make_delta(below, join_batches(batches))
    assert delta.column("text:text").to_pylist() == ["FOUR", "THREE", None, None]
    assert apply_delta(below, delta).text("text").to_pylist() == ["FOUR", "THREE", "GONE", "FIVE"]
