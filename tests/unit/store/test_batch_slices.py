"""What an operator is given at once is bounded by rows and by bytes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from data_juicer.storage.memory import MemoryStore
from data_juicer.store.deltas import in_slices, join_batches, split_batch
from data_juicer.testing import jobs
from data_juicer.testing.rows import batch_of

OWN = """
from data_juicer.ops.base import Mapper

class CountingMapper(Mapper):
    name = "bounded_counting_mapper"
    batch_bytes_max = 100
    def text_keys_read(self):
        return ()
    def row_bytes(self, batch):
        import numpy as np
        return np.array([row["bytes"] for row in map(batch.row, range(len(batch)))], np.int64)
    def process(self, batch):
        return batch.with_column("together", [len(batch)] * len(batch))
"""


@pytest.mark.parametrize(
    ("sizes", "rows_max", "bytes_max", "pieces"),
    [
        ([1, 1, 1, 1, 1], 2, 0, [2, 2, 1]),
        ([1, 1, 1, 1, 1], 9, 2, [2, 2, 1]),
        ([9, 1, 1, 9, 1], 9, 3, [1, 2, 1, 1]),  # a row alone may be larger
        ([1, 1, 1, 1, 9], 3, 4, [3, 1, 1]),
        ([], 3, 4, [0]),
        ([0, 0, 0], 9, 1, [3]),
    ],
)
def test_pieces_hold_no_more_rows_and_bytes_than_asked_for(
    sizes: list[int], rows_max: int, bytes_max: int, pieces: list[int]
) -> None:
    batch = batch_of([{"text": str(number)} for number in range(len(sizes))])
    made = in_slices(batch, rows_max, bytes_max, np.array(sizes, np.int64))
    assert [len(piece) for piece in made] == pieces
    assert [piece.row(index) for piece in made for index in range(len(piece))] == [
        batch.row(index) for index in range(len(batch))
    ]


def test_rows_count_by_what_they_hold_and_what_was_written() -> None:
    batch = batch_of([{"text": "a" * 50}, {"text": "b"}, {"text": "c"}]).rebased()
    assert [len(piece) for piece in split_batch(batch, 9, 50)] == [1, 2]
    grown = batch.with_column("more", ["", "x" * 60, ""])
    pieces = split_batch(grown, 9, 60)
    assert [len(piece) for piece in pieces] == [1, 1, 1]
    assert join_batches(pieces).column("more") == grown.column("more")


def test_an_operator_is_given_as_many_rows_as_its_own_bound_allows(tmp_path: Path) -> None:
    rows = [{"text": "t", "bytes": size} for size in (40, 40, 40, 90, 200, 1, 1)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "own.py").write_text(OWN)
    given = {"custom_operator_paths": [str(tmp_path / "own.py")]}
    config = jobs.recipe("/disk/jobs", [str(tmp_path / "in.jsonl")], ["bounded_counting_mapper"], given)
    store = MemoryStore()
    jobs.run_inline(config, store)
    lines = jobs.exported(config, store)["result.jsonl"].splitlines()
    assert [json.loads(line)["together"] for line in lines] == [2, 2, 1, 1, 1, 2, 2]
