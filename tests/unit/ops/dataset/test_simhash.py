"""SimHash against its definition, bit by bit."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from data_juicer.ops.dataset.shingles import Shingles
from data_juicer.ops.dataset.simhash import BITS, simhashes

COUNTS = st.lists(st.integers(1, 40) | st.sampled_from([1, 2, 3, 4, 9, 27, 255, 256, 600]), max_size=8)


def majority(keys: list[int]) -> int:
    return sum(1 << bit for bit in range(BITS) if 2 * sum(key >> bit & 1 for key in keys) > len(keys))


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.integers(0, 2**32), st.booleans())
def test_a_bit_is_the_one_that_more_of_the_shingles_have(counts: list[int], seed: int, tied: bool) -> None:
    offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)
    keys = np.random.default_rng(seed).integers(0, 2**64, int(offsets[-1]), np.uint64)
    if tied:  # each key and its opposite: as many ones as zeros wherever the count is even
        keys[1::2] = ~keys[: len(keys) - 1 : 2]
    expected = [majority(keys[start:stop].tolist()) for start, stop in pairwise(offsets.tolist())]
    assert simhashes(Shingles(keys, offsets)).tolist() == expected
