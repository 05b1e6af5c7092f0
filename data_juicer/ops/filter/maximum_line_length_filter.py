"""Keeps rows by the length of their longest line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from data_juicer.kernels.lines.lines import longest
from data_juicer.ops.bases.range_filter import RangeFilter
from data_juicer.ops.shared_text import shared_line_lengths

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class MaximumLineLengthFilter(RangeFilter):
    """Maximum line length: keeps rows whose longest line has `min_len` to `max_len` characters, line end excluded.

    Args:
        min_len: least length.
        max_len: greatest length.
    """

    name: ClassVar[str] = "maximum_line_length_filter"
    stats_key = "max_line_length"

    def __init__(self, min_len: int | None = 10, max_len: int | None = sys.maxsize) -> None:
        super().__init__(min_len, max_len)

    def stat(self, batch: Batch) -> pa.Array:
        return pa.array(longest(shared_line_lengths(batch, self.text_key)))
