"""Keeps rows by how many of their words are in repeated n-grams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec
import pyarrow as pa

from data_juicer.kernels.characters.codepoints import ratio
from data_juicer.kernels.words.ngrams import word_repeats
from data_juicer.kernels.words.word_keys import flat
from data_juicer.ops.bases.range_filter import RangeFilter
from data_juicer.ops.resources.sentencepiece_model import SentencePieceModel
from data_juicer.ops.shared_text import shared_word_keys

if TYPE_CHECKING:
    from data_juicer.ops.context import OperatorContext
    from data_juicer.rows.batch import Batch


class WordRepetitionFilter(RangeFilter):
    """Word n-gram repetition ratio: keeps rows in which repeated n-grams make up `min_ratio` to `max_ratio` of all.

    Words are compared in lower case, without special characters at their ends. A text with fewer words than an n-gram
    has 0.0.

    Args:
        lang: language of the SentencePiece model.
        tokenization: cut texts into words by the SentencePiece model `{lang}.sp.model`, as for texts without spaces.
        rep_len: words of an n-gram.
        min_ratio: least share.
        max_ratio: greatest share.
    """

    name: ClassVar[str] = "word_repetition_filter"
    version: ClassVar[int] = 2
    stats_key = "word_rep_ratio"

    def __init__(
        self,
        lang: str = "en",
        tokenization: bool = False,
        rep_len: Annotated[int, msgspec.Meta(ge=1)] = 10,
        min_ratio: float | None = 0.0,
        max_ratio: float | None = 0.5,
    ) -> None:
        super().__init__(min_ratio, max_ratio)
        self.sentencepiece = SentencePieceModel(lang, self.name) if tokenization else None
        self.rep_len = rep_len

    def assets(self) -> tuple[str, ...]:
        return (self.sentencepiece.path,) if self.sentencepiece else ()

    def prepare(self, context: OperatorContext | None = None) -> None:
        if self.sentencepiece:
            self.sentencepiece.load()

    def stat(self, batch: Batch) -> pa.Array:
        keys, offsets = flat(shared_word_keys(batch, self.text_key, self.sentencepiece))
        repeats = word_repeats(keys.to_numpy(), offsets, self.rep_len)
        return pa.array(ratio(repeats.repeated, repeats.total))
