"""Tables in slices that fit a partition. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from data_juicer.formats.base import FragmentLimits


def slices(table: pa.Table, limits: FragmentLimits) -> Iterator[pa.Table]:
    """The rows in slices of at most `rows_max` rows and about `size_bytes_max` bytes; a larger row is one of its own."""
    rows_left = table
    while rows_left.num_rows:
        average = max(1, rows_left.nbytes // rows_left.num_rows)
        rows = max(1, min(rows_left.num_rows, limits.rows_max, limits.size_bytes_max // average))
        yield rows_left.slice(0, rows)
        rows_left = rows_left.slice(rows)
