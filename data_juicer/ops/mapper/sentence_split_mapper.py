"""One sentence a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from data_juicer.kernels.rows import map_rows, matching
from data_juicer.ops.base import TextMapper
from data_juicer.ops.resources.optional import need
from data_juicer.ops.resources.punkt import LANGUAGES, load_punkt, punkt_files

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.ops.context import OperatorContext

# Only these end a sentence for Punkt; white space at the end of a text is dropped in any case.
_GUARD: Final = r"[.?!]|[^!-~]\z"


class SentenceSplitMapper(TextMapper):
    r"""Sentence splitting (Punkt): puts each sentence on a line of its own.

    The model is the folder tokenizers/punkt_tab/LANGUAGE of a folder in NLTK_DATA, or of where NLTK keeps its data.

    Example: One here. Two here. -> One here.\nTwo here.

    Args:
        lang: en, fr, es or pt.
    """

    name: ClassVar[str] = "sentence_split_mapper"
    version: ClassVar[int] = 2

    def __init__(self, lang: str = "en") -> None:
        if lang not in LANGUAGES:
            raise ValueError(f"lang must be one of {', '.join(LANGUAGES)}; found {lang!r}")
        need("nltk", operator=self.name)
        self._files = punkt_files(lang, operator=self.name)
        self._tokenizer: Any = None

    def assets(self) -> tuple[str, ...]:
        return self._files

    def prepare(self, context: OperatorContext | None = None) -> None:
        self._tokenizer = load_punkt(self._files)

    def map_text(self, text: pa.Array) -> pa.Array:
        return map_rows(text, matching(text, _GUARD), lambda row: "\n".join(self._tokenizer.tokenize(row)))
