"""Words by what they contain."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa

from data_juicer.kernels.words.rejoin import rejoin, strip_special, words_of
from data_juicer.ops.base import TextMapper
from data_juicer.ops.resources.sentencepiece_model import SentencePieceModel

if TYPE_CHECKING:
    from data_juicer.ops.context import OperatorContext
    from data_juicer.rows.batch import Batch


class RemoveWordsWithIncorrectSubstringsMapper(TextMapper):
    """Word removal by substring: removes words that contain one of some strings, such as parts of addresses.

    White space between words becomes one character. Special characters at the ends of a word do not count.

    Example: see http://a.b now -> see now

    Args:
        lang: language of the model, when `tokenization` is on.
        tokenization: cut texts into the pieces of a SentencePiece model instead; where a piece is removed, the others
            are joined without white space.
        substrings: the strings; by default http, www, .com, href and //.
    """

    name: ClassVar[str] = "remove_words_with_incorrect_substrings_mapper"
    version: ClassVar[int] = 2

    def __init__(
        self, lang: str = "en", tokenization: bool = False, substrings: list[str] | None = None
    ) -> None:
        self.sentencepiece = SentencePieceModel(lang, self.name) if tokenization else None
        self.substrings = ["http", "www", ".com", "href", "//"] if substrings is None else substrings

    def assets(self) -> tuple[str, ...]:
        return () if self.sentencepiece is None else (self.sentencepiece.path,)

    def prepare(self, context: OperatorContext | None = None) -> None:
        if self.sentencepiece is not None:
            self.sentencepiece.load()

    def process(self, batch: Batch) -> Batch:
        if self.sentencepiece is None:
            return super().process(batch)
        texts = batch.text(self.text_key).to_pylist()
        pieces = self.sentencepiece.of(batch, self.text_key).to_pylist()
        joined = [self._joined(text, each) for text, each in zip(texts, pieces, strict=True)]
        return batch.with_text(self.text_key, pa.array(joined, pa.large_string()))

    def _joined(self, text: str, pieces: list[str]) -> str:
        words = [piece.replace("▁", "") for piece in pieces]
        left = [word for word in words if self._is_correct(word)]
        return text if len(left) == len(words) else "".join(left)

    def map_text(self, text: pa.Array) -> pa.Array:
        words = words_of(text)
        doubtful = np.zeros(len(words.starts), np.bool_)
        for literal in self.substrings:
            doubtful |= words.containing(literal.encode()) if literal else True
        kept = ~doubtful
        kept[doubtful] = np.fromiter(map(self._is_correct, words.strings(doubtful)), np.bool_)
        return rejoin(words, kept)

    def _is_correct(self, word: str) -> bool:
        word = strip_special(word)
        return not any(literal in word for literal in self.substrings)
