"""Words by their length."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from data_juicer.kernels.words.rejoin import rejoin, strip_special, words_of
from data_juicer.ops.base import TextMapper

if TYPE_CHECKING:
    import pyarrow as pa


class RemoveLongWordsMapper(TextMapper):
    """Word length bounds: removes words that are too short or too long; white space between words becomes one character.

    A word that is too long stays if it has a fitting length without the special characters at its ends.

    Example: with max_len 5, `one seventeen` -> `one`

    Args:
        min_len: least number of characters.
        max_len: greatest number of characters.
    """

    name: ClassVar[str] = "remove_long_words_mapper"
    version: ClassVar[int] = 2

    def __init__(self, min_len: int = 1, max_len: int = sys.maxsize) -> None:
        self.min_len = min_len
        self.max_len = max_len

    def map_text(self, text: pa.Array) -> pa.Array:
        words = words_of(text)
        kept, longer = words.length_between(self.min_len, self.max_len)
        doubtful = longer & words.may_strip()
        stripped = (len(strip_special(word)) for word in words.strings(doubtful))
        kept[doubtful] = np.fromiter((self.min_len <= size <= self.max_len for size in stripped), np.bool_)
        return rejoin(words, kept)
