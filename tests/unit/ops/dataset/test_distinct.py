from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from data_juicer.ops.dataset.distinct import distinct, may_repeat
from data_juicer.ops.dataset.groups import grouped, keyed
from data_juicer.ops.dataset.pairs.clusters import distinct_pairs, meetings, pairs_of
from data_juicer.ops.dataset.scratch import Scratch


def test_numbers_come_once_and_rise() -> None:
    assert distinct(np.array([3, 1, 3, 2, 1])).tolist() == [1, 2, 3]
    assert distinct(np.empty(0, np.int64)).tolist() == []


def test_what_repeats_is_found_and_little_else() -> None:
    rng = np.random.default_rng(3)
    hashes = rng.integers(0, 1 << 63, 20_000).astype(np.uint64) * np.uint64(2)
    hashes[5_000:6_000] = hashes[9_000:10_000]
    found = may_repeat(hashes)
    assert found[5_000:6_000].all()
    assert found[9_000:10_000].all()
    assert 2_000 <= found.sum() < 4_000
    assert may_repeat(hashes[:1]).tolist() == [False]
    assert may_repeat(hashes[:0]).tolist() == []


@pytest.mark.parametrize("largest", [50, (1 << 32) - 1, 1 << 32, 1 << 40])
def test_pairs_come_once_by_rising_rows(largest: int) -> None:
    rng = random.Random(largest)
    rows = [0, 1, 2, 3, largest - 1]
    drawn = [(rng.choice(rows), rng.choice(rows)) for _ in range(60)]
    pairs = pairs_of(np.array([one for one, _ in drawn]), np.array([largest for _ in drawn]))
    pairs["other"][:50] = pairs["one"][:50] + 1
    found = distinct_pairs(pairs)
    assert found.tolist() == sorted(set(pairs.tolist()))
    assert distinct_pairs(pairs[:0]).tolist() == []


@pytest.mark.parametrize("memory_bytes", [1 << 30, 1])
def test_rows_that_share_a_key_meet_however_memory_cuts_them(tmp_path: Path, memory_bytes: int) -> None:
    rng = np.random.default_rng(5)
    keys = rng.integers(0, 1 << 62, 3_100).astype(np.uint64)
    keys[rng.integers(0, 3_100, 1_500)] = keys[0]
    keys[rng.integers(0, 3_100, 300)] = keys[rng.integers(0, 3_100, 300)]
    rows = np.arange(len(keys))
    parts = [
        keyed(keys[start : start + 100], np.zeros(100, np.uint64), rows[start : start + 100])
        for start in range(0, len(keys), 100)
    ]
    scratch = Scratch(str(tmp_path), memory_bytes)
    met: set[tuple[int, int]] = set()
    for group in grouped(parts, 1_000, scratch, shared_only=True):
        met |= set(meetings(group).tolist())
    scratch.close()
    expected: set[tuple[int, int]] = set()
    seen: dict[int, list[int]] = {}
    for row, key in enumerate(keys.tolist()):
        earlier = seen.setdefault(key, [])
        expected |= {(earlier[0], row), (earlier[-1], row)} if earlier else set()
        earlier.append(row)
    assert met == expected
