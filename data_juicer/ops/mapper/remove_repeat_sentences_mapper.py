"""Sentences that a text repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import regex

from data_juicer.kernels.lines.sentences import may_repeat, sentences_of_line
from data_juicer.kernels.rows import map_rows
from data_juicer.ops.base import TextMapper
from data_juicer.ops.resources.tokens import Tokens

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.ops.context import OperatorContext

_SPECIAL: Final = regex.compile(r"[^a-zA-Z0-9\u4e00-\u9fa5\n\t ]")


class RemoveRepeatSentencesMapper(TextMapper):
    """Sentence-level deduplication within a text: removes each sentence that occurred before; line feeds stay.

    Example: Hello. Hello. -> Hello.

    Args:
        lowercase: compare in lower case.
        ignore_special_character: compare only Latin letters, ASCII digits, Chinese characters, spaces and tabs, so
            that sentences in other scripts are the same to it.
        min_repeat_sentence_length: shorter sentences stay; counted in characters that are compared.
        tokenizer: count tokens of this Hugging Face tokenizer, a path or a name, instead.
    """

    name: ClassVar[str] = "remove_repeat_sentences_mapper"
    version: ClassVar[int] = 2

    def __init__(
        self,
        lowercase: bool = False,
        ignore_special_character: bool = True,
        min_repeat_sentence_length: int = 2,
        tokenizer: str | None = None,
    ) -> None:
        self.lowercase = lowercase
        self.ignore_special_character = ignore_special_character
        self.min_repeat_sentence_length = min_repeat_sentence_length
        self.tokens = None if tokenizer is None else Tokens(tokenizer, self.name)

    def assets(self) -> tuple[str, ...]:
        return () if self.tokens is None else (self.tokens.path,)

    def prepare(self, context: OperatorContext | None = None) -> None:
        if self.tokens is not None:
            self.tokens.load()

    def map_text(self, text: pa.Array) -> pa.Array:
        needed = may_repeat(
            text,
            lowercase=self.lowercase,
            plain=self.ignore_special_character,
            length_min=self.min_repeat_sentence_length if self.tokens is None else 0,
        )
        return map_rows(text, needed, self._clean)

    def _clean(self, text: str) -> str:
        seen: set[str] = set()
        return "\n".join(
            "".join(sentence for sentence in sentences_of_line(line) if self._is_new(sentence, seen))
            if line
            else line
            for line in text.split("\n")
        )

    def _is_new(self, sentence: str, seen: set[str]) -> bool:
        compared = sentence.strip()
        if self.lowercase:
            compared = compared.lower()
        if self.ignore_special_character:
            compared = _SPECIAL.sub("", compared)
        if self._length(compared) < self.min_repeat_sentence_length:
            return True
        if compared in seen:
            return False
        seen.add(compared)
        return True

    def _length(self, sentence: str) -> int:
        return len(sentence) if self.tokens is None else len(self.tokens.encode(sentence))
