"""Whether an operator runs on Ray, as operators written for DataJuicer ask."""

from __future__ import annotations


def is_ray_mode() -> bool:
    """False: on every backend an operator is given batches in a worker process, and datasets as rows in memory."""
    return False
