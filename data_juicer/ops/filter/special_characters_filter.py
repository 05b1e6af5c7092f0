"""Keeps rows by their share of special characters."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from data_juicer.kernels.characters.codepoints import count_in, ratio
from data_juicer.kernels.characters.special_characters import special_table
from data_juicer.ops.bases.range_filter import RangeFilter
from data_juicer.ops.shared_text import shared_lengths

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class SpecialCharactersFilter(RangeFilter):
    """Special character ratio: keeps rows whose share of special characters is between `min_ratio` and `max_ratio`.

    Special are punctuation, digits, white space, symbols, emoji, and some letters (docs/differences.md).

    Args:
        min_ratio: least share.
        max_ratio: greatest share.
    """

    name: ClassVar[str] = "special_characters_filter"
    version: ClassVar[int] = 2
    stats_key = "special_char_ratio"

    def __init__(self, min_ratio: float | None = 0.0, max_ratio: float | None = 0.25) -> None:
        super().__init__(min_ratio, max_ratio)

    def stat(self, batch: Batch) -> pa.Array:
        special = batch.shared(
            self.text_key, "special characters", make=lambda column: count_in(column, special_table())
        )
        return pa.array(ratio(special, shared_lengths(batch, self.text_key)))
