"""Keeps rows by how much of them repeated character n-grams make up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec
import numpy as np
import pyarrow as pa

from data_juicer.kernels.characters.codepoints import ratio
from data_juicer.kernels.words.ngrams import character_repeats
from data_juicer.ops.bases.range_filter import RangeFilter

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class CharacterRepetitionFilter(RangeFilter):
    """Character n-gram repetition ratio: keeps rows whose ratio is between `min_ratio` and `max_ratio`.

    The stat is the occurrences of the most frequent repeated n-grams, at most the square root of the number of
    different ones, divided by all n-grams of the text.

    Args:
        rep_len: characters of an n-gram.
        min_ratio: least share.
        max_ratio: greatest share.
    """

    name: ClassVar[str] = "character_repetition_filter"
    stats_key = "char_rep_ratio"

    def __init__(
        self,
        rep_len: Annotated[int, msgspec.Meta(ge=1)] = 10,
        min_ratio: float | None = 0.0,
        max_ratio: float | None = 0.5,
    ) -> None:
        super().__init__(min_ratio, max_ratio)
        self.rep_len = rep_len

    def stat(self, batch: Batch) -> pa.Array:
        ratios = batch.shared(self.text_key, "character repetition", str(self.rep_len), make=self._ratios)
        return pa.array(ratios)

    def _ratios(self, column: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        repeats = character_repeats(column, self.rep_len)
        return ratio(repeats.frequent, repeats.total)
