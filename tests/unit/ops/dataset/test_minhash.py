"""Signatures are what their definition says, however shingles are taken together."""

from __future__ import annotations

import numpy as np
import pytest
import xxhash

from data_juicer.ops.dataset import minhash
from data_juicer.ops.dataset.shingles import Shingles

PERMUTATIONS = 8


def entry(keys: list[int], number: int) -> int:
    """The least of (a * shingle + b) mod 2^32, with constants that are made of the entry's number."""
    drawn = xxhash.xxh3_64_intdigest(number.to_bytes(8, "little"))
    factor, shift = drawn >> 32 | 1, drawn & 0xFFFFFFFF
    return min(((key >> 32) * factor + shift) % 2**32 for key in keys)


@pytest.mark.parametrize("block", [1, 3, 64, minhash.BLOCK])
def test_a_signature_is_that_of_its_row_alone(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(minhash, "BLOCK", block)
    offsets = np.cumsum([0, 1, 1, 90, 2, 30])
    keys = np.random.default_rng(5).integers(0, 1 << 64, offsets[-1], np.uint64)
    found = minhash.signatures(Shingles(keys, offsets), PERMUTATIONS)
    rows = [part.tolist() for part in np.split(keys, offsets[1:-1])]
    assert found.tolist() == [[entry(row, number) for number in range(PERMUTATIONS)] for row in rows]


def test_no_rows_have_no_signatures() -> None:
    nothing = Shingles(np.empty(0, np.uint64), np.zeros(1, np.int64))
    assert minhash.signatures(nothing, PERMUTATIONS).shape == (0, PERMUTATIONS)
