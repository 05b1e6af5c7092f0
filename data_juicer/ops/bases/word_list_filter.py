"""Filters by the share of words that are in a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data_juicer.kernels.characters.codepoints import Counts, ratio, row_sums
from data_juicer.kernels.words.word_keys import flat, keys_of_words
from data_juicer.kernels.words.words import words_of
from data_juicer.ops.bases.range_filter import RangeFilter
from data_juicer.ops.resources.sentencepiece_model import SentencePieceModel
from data_juicer.ops.shared_text import shared_word_keys, shared_words

if TYPE_CHECKING:
    from data_juicer.ops.context import OperatorContext
    from data_juicer.ops.resources.word_lists import WordList
    from data_juicer.rows.batch import Batch


class WordListFilter(RangeFilter):
    """Keeps the rows in which the share of listed words is in a range.

    Words are refined: lower case, special characters stripped from both ends. A text without words has 0.0.
    """

    def __init__(
        self,
        word_list: WordList,
        bounds: tuple[float | None, float | None],
        sentencepiece: SentencePieceModel | None,
        group_sizes: Sequence[int],
        join_char: str,
    ) -> None:
        """
        Args:
            bounds: least and greatest share.
            sentencepiece: the model that cuts texts into words; None: words are what is between spaces, tabs, newlines.
            group_sizes: so many neighbouring words, joined by `join_char`, are words too.
        """
        super().__init__(*bounds)
        self.word_list = word_list
        self.sentencepiece = sentencepiece
        self.group_sizes = group_sizes
        self.join_char = join_char

    def assets(self) -> tuple[str, ...]:
        return (*self.word_list.files, *((self.sentencepiece.path,) if self.sentencepiece else ()))

    def notices(self) -> tuple[str, ...]:
        return self.word_list.notices

    def prepare(self, context: OperatorContext | None = None) -> None:
        if self.sentencepiece:
            self.sentencepiece.load()
        self._keys = pa.array(keys_of_words(self.word_list.words))
        self._words = pa.array(sorted(self.word_list.words), pa.large_string())

    def stat(self, batch: Batch) -> pa.Array:
        keys, offsets = flat(shared_word_keys(batch, self.text_key, self.sentencepiece))
        listed = row_sums(pc.is_in(keys, self._keys).to_numpy(zero_copy_only=False), offsets)
        words = np.diff(offsets)
        if self.group_sizes:
            strings, _ = flat(self._strings(batch))
            row_of_word = np.repeat(np.arange(len(batch)), words)
            for size in self.group_sizes:
                listed = listed + self._listed_groups(strings, row_of_word, size, len(batch))
            words = words + sum(np.maximum(words - size + 1, 0) for size in self.group_sizes)
        return pa.array(ratio(listed, words))

    def _strings(self, batch: Batch) -> pa.Array:
        if self.sentencepiece is None:
            return shared_words(batch, self.text_key, lower=True, strip=True)
        return words_of(self.sentencepiece.joined(batch, self.text_key), lower=True, strip=True)

    def _listed_groups(self, strings: pa.Array, row_of_word: Counts, size: int, rows: int) -> Counts:
        """How many groups of `size` neighbouring words of each row are listed, shape (rows,)."""
        last = max(len(strings) - size + 1, 0)
        firsts = np.flatnonzero(row_of_word[:last] == row_of_word[size - 1 :])
        parts = [strings.take(pa.array(firsts + step)) for step in range(size)]
        joined = pc.binary_join_element_wise(*parts, pa.scalar(self.join_char, pa.large_string()))
        found = pc.is_in(joined, self._words).to_numpy(zero_copy_only=False)
        return np.bincount(row_of_word[firsts[found]], minlength=rows)
