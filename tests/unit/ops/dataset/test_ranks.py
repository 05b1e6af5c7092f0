from __future__ import annotations

import numpy as np
import pytest

from data_juicer.ops.dataset.ranks.bound import Bound
from data_juicer.ops.dataset.ranks.digits import digits_of, find_bound, is_within, ordered_words, row_digits

NUMBERS = [3.0, -1.5, 0.0, 3.0, -0.0, 1e300, -1e300, 3.0, 2.0]


@pytest.mark.parametrize("descending", [False, True])
def test_the_first_of_an_order_are_those_of_a_stable_sort(descending: bool) -> None:
    parts = [np.array(NUMBERS[:4]), np.array([]), np.array(NUMBERS[4:])]
    words = [ordered_words(part, descending=descending) for part in parts]
    rows = [np.arange(4), np.arange(4, 4), np.arange(4, 9)]
    keys = [np.hstack([digits_of(word), digits_of(row, 2)]) for word, row in zip(words, rows, strict=True)]
    order = sorted(range(len(NUMBERS)), key=lambda row: -NUMBERS[row] if descending else NUMBERS[row])
    for count in range(len(NUMBERS) + 3):
        bound = find_bound(lambda: keys, Bound.first(count, len(NUMBERS)))
        masks = np.concatenate([is_within(part, bound) for part in keys])
        assert np.flatnonzero(masks).tolist() == sorted(order[:count])


def test_a_number_of_a_row_has_as_many_digits_as_it_needs() -> None:
    assert [row_digits(rows) for rows in (0, 65_535, 65_536, 1 << 31, 1 << 32)] == [1, 1, 2, 2, 3]
    assert digits_of(np.array([65_537, 3]), 2).tolist() == [[1, 1], [0, 3]]
