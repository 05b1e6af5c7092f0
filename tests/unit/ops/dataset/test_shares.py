"""What shares of keys come to together is what all keys at once come to, also where memory holds a few rows of them."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from data_juicer.ops.catalog import registry
from data_juicer.ops.dataset.grouping.cut import GroupCut, share_of
from data_juicer.ops.dataset.grouping.members import KEY, arranged, by_partition, spread_members
from data_juicer.ops.dataset.key_share import KeyShare
from data_juicer.ops.dataset.ranks.digits import find_bound
from data_juicer.ops.dataset.ranks.frequencies import FrequencySelector
from data_juicer.ops.dataset.scratch import Scratch
from data_juicer.ops.dataset.summaries import ROW_BYTES, first_rows, numbered
from data_juicer.ops.dataset.text_hash import HASH
from data_juicer.testing.dataset_operators import MemorySummaries

PARTITIONS, ROWS = 6, 300


def hashed(value: int) -> bytes:
    return random.Random(value).randbytes(16)


def drawn(values: int) -> tuple[list[int], list[int]]:
    """A value for each row, the first ones more often than the last; and its bytes."""
    rng = random.Random(values)
    return (
        [int(values * rng.random() ** 3) for _ in range(PARTITIONS * ROWS)],
        [rng.randrange(1, 50) for _ in range(PARTITIONS * ROWS)],
    )


def tables(columns: dict[str, pa.Array]) -> MemorySummaries:
    whole = pa.table(columns)
    return MemorySummaries(
        [whole.slice(number * ROWS, ROWS).combine_chunks() for number in range(PARTITIONS)]
    )


@pytest.mark.parametrize("values", [1, 40, 100_000])
@pytest.mark.parametrize(("shares", "memory_bytes"), [(1, 1 << 30), (5, 1 << 30), (3, 1)])
def test_groups_are_made_by_the_same_partitions(
    tmp_path: Path, values: int, shares: int, memory_bytes: int
) -> None:
    keys, sizes = drawn(values)
    summaries = tables({KEY: pa.array(list(map(hashed, keys)), HASH), ROW_BYTES: pa.array(sizes, pa.int64())})
    groups: dict[int, list[int]] = {}
    for row, key in enumerate(keys):
        groups.setdefault(key, []).append(row)
    share_bytes, done = share_of(sum(sizes), PARTITIONS), 0
    expected: list[list[int]] = [[] for _ in range(PARTITIONS)]
    for members in groups.values():
        expected[done // share_bytes] += members
        done += sum(sizes[row] for row in members)

    scratch = Scratch(str(tmp_path), memory_bytes)
    bounds = first_rows(summaries)[[0, 2, 3, 6]]
    spread = [
        spread_members(numbered(summaries), scratch, bounds=bounds, share=KeyShare(number, shares))
        for number in range(shares)
    ]
    before, placed = 0, []
    for number in range(3):
        chunks = [chunk for buckets, _ in spread for chunk in buckets.chunks(number)]
        cut = GroupCut(bytes_before=before, share_bytes=share_bytes)
        span = (int(bounds[number]), int(bounds[number + 1]))
        placed += list(arranged(chunks.copy, span, sum(map(len, chunks)), cut, scratch))
        before += int(sum(each[number] for _, each in spread))
    found = [part["row"].tolist() for part in by_partition(placed, range(PARTITIONS))]
    scratch.close()
    assert found == expected


@pytest.mark.parametrize("reverse", [True, False])
@pytest.mark.parametrize("values", [1, 40, 100_000])
@pytest.mark.parametrize(("shares", "memory_bytes"), [(1, 1 << 30), (5, 1 << 30), (3, 1)])
def test_the_same_values_are_chosen(
    tmp_path: Path, values: int, shares: int, memory_bytes: int, reverse: bool
) -> None:
    drawn_values, _ = drawn(values)
    counts = Counter(drawn_values)
    order = sorted(
        counts, key=lambda value: -counts[value] if reverse else counts[value]
    )  # stable: by first row
    summaries = tables({"value": pa.array(list(map(hashed, drawn_values)), HASH)})
    for ratio in (0.0, 0.4, 1.0):
        operator = registry.make(
            "frequency_specified_field_selector", {"field_key": "f", "top_ratio": ratio, "reverse": reverse}
        )
        assert isinstance(operator, FrequencySelector)
        scratch = Scratch(str(tmp_path), memory_bytes)
        parts = [KeyShare(number, shares) for number in range(shares)]
        found = [part for share in parts for part in operator.values(summaries, scratch, share)]
        keys = [operator.keys(part, len(drawn_values)) for part in found]
        bound = find_bound(keys.copy, operator.bound(sum(map(len, found)), len(drawn_values)))
        chosen = [rows for share in parts for rows in operator.chosen_rows(summaries, scratch, bound, share)]
        scratch.close()
        wanted = set(order[: int(len(order) * ratio)])
        assert np.sort(np.concatenate(chosen)).tolist() == [
            row for row, value in enumerate(drawn_values) if value in wanted
        ]
