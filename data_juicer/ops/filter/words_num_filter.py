"""Keeps rows by the number of their words."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from data_juicer.kernels.words.words import count_words
from data_juicer.ops.bases.range_filter import RangeFilter
from data_juicer.ops.resources.sentencepiece_model import SentencePieceModel
from data_juicer.ops.shared_text import shared_word_counts

if TYPE_CHECKING:
    from data_juicer.ops.context import OperatorContext
    from data_juicer.rows.batch import Batch


class WordsNumFilter(RangeFilter):
    """Word count: keeps rows with `min_num` to `max_num` words, which are separated by spaces, tabs and newlines.

    Words of special characters alone are not counted.

    Args:
        lang: the language of the SentencePiece model.
        tokenization: count the pieces of the model `{lang}.sp.model` instead, as for texts without spaces.
        min_num: least number of words.
        max_num: greatest number of words.
    """

    name: ClassVar[str] = "words_num_filter"
    version: ClassVar[int] = 2
    stats_key = "num_words"

    def __init__(
        self,
        lang: str = "en",
        tokenization: bool = False,
        min_num: int | None = 10,
        max_num: int | None = sys.maxsize,
    ) -> None:
        super().__init__(min_num, max_num)
        self.sentencepiece = SentencePieceModel(lang, self.name) if tokenization else None

    def assets(self) -> tuple[str, ...]:
        return (self.sentencepiece.path,) if self.sentencepiece else ()

    def prepare(self, context: OperatorContext | None = None) -> None:
        if self.sentencepiece:
            self.sentencepiece.load()

    def stat(self, batch: Batch) -> pa.Array:
        if self.sentencepiece is None:
            return pa.array(shared_word_counts(batch, self.text_key))
        model = self.sentencepiece
        return pa.array(
            batch.shared(
                self.text_key,
                "refined word count",
                model.path,
                make=lambda _: count_words(model.joined(batch, self.text_key)),
            )
        )
