"""A delta gives back the batch that it was made from, and holds only what changed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from data_juicer.rows.batch import Batch
from data_juicer.store.deltas import BASE, apply_delta, join_batches, make_delta, split_batch
from data_juicer.testing.rows import batch_of

TEXTS = ["one", "two", "three", "four", "five"]


def below() -> Batch:
    return batch_of([{"text": text} for text in TEXTS]).rebased()


def texts(batch: Batch) -> list[str]:
    return batch.text("text").to_pylist()


def column(values: list[str]) -> pa.Array:
    return pa.array(values, pa.large_string())


@pytest.mark.parametrize("kept", [[], [0], [4], [1, 3], [0, 1, 2, 3, 4], [4, 0, 2]])
def test_rows_that_were_left_out_or_moved_come_back_as_they_were(kept: list[int]) -> None:
    batch = below().take(np.array(kept, dtype=np.int32))
    delta = make_delta(below(), batch)
    assert delta.column(BASE).to_pylist() == kept
    assert texts(apply_delta(below(), delta)) == [TEXTS[row] for row in kept]


def test_only_changed_texts_are_in_a_delta() -> None:
    batch = below().with_text("text", column(["one", "TWO", "three", "", "five"]))
    delta = make_delta(below(), batch)
    assert delta.column("text:text").to_pylist() == [None, "TWO", None, "", None]
    assert texts(apply_delta(below(), delta)) == ["one", "TWO", "three", "", "five"]


def test_a_text_written_anew_with_the_same_letters_is_not_in_a_delta() -> None:
    batch = below().with_text("text", column(TEXTS))
    assert make_delta(below(), batch).column_names == [BASE]


def test_changed_texts_of_rows_that_moved_come_back() -> None:
    batch = below().take(np.array([3, 1], dtype=np.int32)).with_text("text", column(["four", "2"]))
    delta = make_delta(below(), batch)
    assert delta.column("text:text").to_pylist() == [None, "2"]
    assert texts(apply_delta(below(), delta)) == ["four", "2"]


def test_as_many_rows_at_other_places_are_not_taken_for_untouched_ones() -> None:
    batch = below().take(np.array([1, 0, 2, 3, 4], dtype=np.int32))
    batch = batch.with_text("text", column(TEXTS))
    delta = make_delta(below(), batch)
    assert delta.column("text:text").to_pylist() == ["one", "two", None, None, None]
    assert texts(apply_delta(below(), delta)) == TEXTS


@pytest.mark.parametrize("rows_max", [1, 2, 5, 9])
def test_batches_that_were_split_are_joined_to_the_same_delta(rows_max: int) -> None:
    whole = join_batches(split_batch(below(), rows_max))
    assert make_delta(below(), whole.with_text("text", column(TEXTS))).column_names == [BASE]
    assert texts(whole) == TEXTS


@pytest.mark.parametrize("rows", [[-1, -1], [2, -1]], ids=["all", "one of two"])
def test_a_row_of_its_own_has_nothing_of_the_rows_below(rows: list[int]) -> None:
    batch = below().with_text("text", column(["ONE", "TWO", "THREE", "FOUR", "FIVE"]))
    batch = batch.with_column("extra", [1, 2, 3, 4, 5]).with_stats({"words": pa.array([1, 2, 3, 4, 5])})
    base = np.array(rows, np.int32)
    own = {"text": b'["a","b"]', "n": b"7"}
    made = Batch(
        batch.source,
        base,
        fields={
            **{key: pa.array([raw] * len(rows), pa.large_binary()) for key, raw in own.items()},
            **({"extra": pa.array([b"3", None], pa.large_binary())} if rows[0] >= 0 else {}),
        },
        stats={"words": pa.array([3, None])} if rows[0] >= 0 else {},
        base=base,
    )
    again = apply_delta(batch.rebased(), make_delta(batch, made))
    assert [again.row(row) for row in range(2)] == [made.row(row) for row in range(2)]
    assert again.raw_row(1) == {"n": b"7", "text": b'["a","b"]'}
