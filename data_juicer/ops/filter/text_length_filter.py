"""Keeps rows by the number of characters of their text."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from data_juicer.ops.bases.range_filter import RangeFilter
from data_juicer.ops.shared_text import shared_lengths

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class TextLengthFilter(RangeFilter):
    """Text length: keeps rows whose text has between `min_len` and `max_len` characters.

    Args:
        min_len: least number of characters.
        max_len: greatest number of characters.
    """

    name: ClassVar[str] = "text_length_filter"
    stats_key = "text_len"

    def __init__(self, min_len: int | None = 10, max_len: int | None = sys.maxsize) -> None:
        super().__init__(min_len, max_len)

    def stat(self, batch: Batch) -> pa.Array:
        return pa.array(shared_lengths(batch, self.text_key))
