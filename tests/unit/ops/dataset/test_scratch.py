"""What a resolve puts on the disk."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from data_juicer.ops.dataset.scratch import Buckets, RowFile, Scratch

ROWS = 50_000
PAIR = np.dtype([("row", np.int64), ("hash", np.uint64)])


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(str(tmp_path), 1 << 17)


def test_room_for_an_array_is_taken_before_it_is_written_to(scratch: Scratch, tmp_path: Path) -> None:
    array = scratch.zeros(ROWS, np.int64)
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert os.stat(path).st_blocks * 512 >= ROWS * 8
    assert array.shape == (ROWS,)
    assert not array.any()
    array[:] = np.arange(ROWS)
    assert array[ROWS - 1] == ROWS - 1


def test_records_come_back_from_the_disk_in_their_order(scratch: Scratch) -> None:
    records = np.zeros(ROWS, PAIR)
    records["row"] = np.arange(ROWS)
    buckets = Buckets(scratch, PAIR, ROWS)
    for start in range(0, ROWS, 1000):
        part = records[start : start + 1000]
        buckets.add(part["row"] % buckets.count, part)
    assert buckets.count > 1
    for number, chunks in enumerate(buckets):
        assert np.concatenate(list(chunks))["row"].tolist() == list(range(number, ROWS, buckets.count))


def test_rows_of_bytes_come_back_by_their_numbers(scratch: Scratch) -> None:
    rows = np.random.default_rng(7).integers(0, 256, (4000, 16), np.uint8)
    file = RowFile(scratch, 16)
    for start in range(0, len(rows), 500):
        file.append(rows[start : start + 500])
    wanted = np.array([3999, 0, 17, 17, 2500])
    assert (file.take(wanted) == rows[wanted]).all()
