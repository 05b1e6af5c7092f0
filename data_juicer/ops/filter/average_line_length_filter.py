"""Keeps rows by the mean length of their lines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from data_juicer.kernels.characters.codepoints import ratio
from data_juicer.ops.bases.range_filter import RangeFilter
from data_juicer.ops.shared_text import shared_lengths, shared_line_counts

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class AverageLineLengthFilter(RangeFilter):
    """Average line length: keeps rows whose text has `min_len` to `max_len` characters per line, line ends included.

    Args:
        min_len: least mean length.
        max_len: greatest mean length.
    """

    name: ClassVar[str] = "average_line_length_filter"
    stats_key = "avg_line_length"

    def __init__(self, min_len: float | None = 10, max_len: float | None = sys.maxsize) -> None:
        super().__init__(min_len, max_len)

    def stat(self, batch: Batch) -> pa.Array:
        lines = shared_line_counts(batch, self.text_key)
        return pa.array(ratio(shared_lengths(batch, self.text_key), lines))
