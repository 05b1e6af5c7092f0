"""Drawing rows of a dataset, for selectors written for DataJuicer."""

from __future__ import annotations

import math
from typing import Any


def random_sample(dataset: Any, weight: float = 1.0, sample_number: int = 0, seed: int | None = None) -> Any:
    """So many rows, or such a share of them, drawn at random; rows come again where more are wanted than there are."""
    rows = len(dataset)
    wanted = sample_number if sample_number > 0 else math.ceil(rows * weight)
    if wanted == rows or not rows:
        return dataset
    return dataset.shuffle(seed=42 if seed is None else seed).select([row % rows for row in range(wanted)])
