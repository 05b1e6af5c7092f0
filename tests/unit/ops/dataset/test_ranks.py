from __future__ import annotations

import numpy as np
import pytest

from data_juicer.ops.dataset.ranks import First, ordered_keys

NUMBERS = [3.0, -1.5, 0.0, 3.0, -0.0, 1e300, -1e300, 3.0, 2.0]


@pytest.mark.parametrize("descending", [False, True])
def test_the_first_of_an_order_are_those_of_a_stable_sort(descending: bool) -> None:
    parts = [np.array(NUMBERS[:4]), np.array([]), np.array(NUMBERS[4:])]
    keys = [ordered_keys(part, descending=descending) for part in parts]
    order = sorted(range(len(NUMBERS)), key=lambda row: -NUMBERS[row] if descending else NUMBERS[row])
    for count in range(len(NUMBERS) + 3):
        masks = np.concatenate(list(First.of(lambda: keys, count).masks(keys)))
        assert np.flatnonzero(masks).tolist() == sorted(order[:count])
