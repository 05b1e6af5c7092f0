"""A chain of deltas gives back, row by row, what a chain of operators made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from data_juicer.rows.batch import Batch
from data_juicer.store.codec import decode_table, encode_table
from data_juicer.store.deltas import apply_delta, join_batches, make_delta, split_batch
from data_juicer.testing.rows import batch_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
FIGURES = st.floats(allow_nan=False) | st.none()


@st.composite
def changes(draw: st.DrawFn) -> list[Any]:
    """What the operators of one stage do, drawn before the number of rows is known."""
    kinds = st.sampled_from(["take", "double", "reverse", "text", "some", "field", "stat", "nothing"])
    return [(draw(kinds), draw(st.randoms(use_true_random=False))) for _ in range(draw(st.integers(0, 4)))]


def changed(batch: Batch, kind: str, draw: Any) -> Batch:
    rows = len(batch)
    match kind:
        case "take":
            return batch.take(np.array([row for row in range(rows) if draw.random() < 0.7], dtype=np.int32))
        case "double":
            return batch.take(
                np.repeat(np.arange(rows, dtype=np.int32), [draw.randint(0, 2) for _ in range(rows)])
            )
        case "reverse":
            return batch.take(np.arange(rows, dtype=np.int32)[::-1])
        case "text":
            return batch.with_text(
                "text", pa.array([f"t{draw.randint(0, 9)}" for _ in range(rows)], pa.large_string())
            )
        case "some":
            texts = [draw.choice([text, text + "!"]) for text in batch.text("text").to_pylist()]
            return batch.with_text("text", pa.array(texts, pa.large_string()))
        case "field":
            raw = [draw.choice([None, b"1.0", b'{"a":[]}']) for _ in range(rows)]
            return batch.with_raw("made", pa.array(raw, pa.large_binary()))
        case "stat":
            figures = [draw.choice([None, draw.random()]) for _ in range(rows)]
            return batch.with_stats({"ratio": pa.array(figures, pa.float64())})
        case _:
            return batch


def reported(batch: Batch) -> list[tuple[dict[str, bytes], dict[str, Any]]]:
    return [(batch.raw_row(row), batch.row_stats(row)) for row in range(len(batch))]


@given(
    texts=st.lists(TEXTS, max_size=7),
    stages=st.lists(changes(), max_size=4),
    file_format=st.sampled_from(["parquet", "arrow", "jsonl"]),
    rows_max=st.integers(1, 8),
)
def test_deltas_over_the_source_give_the_rows_back(
    texts: list[str], stages: list[list[Any]], file_format: Any, rows_max: int
) -> None:
    rows = [{"text": text, "n": number} for number, text in enumerate(texts)]
    below = loaded = batch_of(rows).rebased()
    for stage in stages:
        batches = split_batch(below, rows_max)
        for kind, draw in stage:
            batches = [changed(batch, kind, draw) for batch in batches]
        whole = join_batches(batches)
        delta = make_delta(below, whole)
        read = decode_table(bytes(encode_table(delta, file_format, "none")), file_format, "delta")
        loaded = apply_delta(loaded, read)
        assert reported(loaded) == reported(whole)
        assert loaded.origin.tolist() == whole.origin.tolist()
        below = whole.rebased()
