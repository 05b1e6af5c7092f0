"""Keeps rows by how well a language model predicts their text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

from data_juicer.ops.bases.range_filter import RangeFilter
from data_juicer.ops.resources import models, optional
from data_juicer.ops.resources.sentencepiece_model import SentencePieceModel

if TYPE_CHECKING:
    from data_juicer.ops.context import OperatorContext
    from data_juicer.rows.batch import Batch


class PerplexityFilter(RangeFilter):
    """Language model perplexity (KenLM): keeps rows whose perplexity is between `min_ppl` and `max_ppl`.

    The text is cut by the SentencePiece model `{lang}.sp.model` and judged by the KenLM model `{lang}.arpa.bin`, both
    from the model folders. A stat has one decimal; an empty text has 0.0.

    Args:
        lang: language of the two models.
        min_ppl: least perplexity.
        max_ppl: greatest perplexity.
    """

    name: ClassVar[str] = "perplexity_filter"
    stats_key = "perplexity"

    def __init__(self, lang: str = "en", min_ppl: float | None = 0, max_ppl: float | None = 1500) -> None:
        super().__init__(min_ppl, max_ppl)
        optional.need("kenlm", operator=self.name, extra="perplexity")
        self.sentencepiece = SentencePieceModel(lang, self.name)
        self.model_path = models.need_model(f"{lang}.arpa.bin", operator=self.name, what="KenLM model")
        self.model: Any = None

    def assets(self) -> tuple[str, ...]:
        return (self.sentencepiece.path, self.model_path)

    def prepare(self, context: OperatorContext | None = None) -> None:
        import kenlm

        self.sentencepiece.load()
        quiet = kenlm.Config()
        quiet.show_progress = False
        quiet.arpa_complain = kenlm.ARPALoadComplain.NONE
        with models.parsing(self.model_path, operator=self.name, what="KenLM model"):
            self.model = kenlm.Model(self.model_path, quiet)

    def stat(self, batch: Batch) -> pa.Array:
        pieces = self.sentencepiece.joined(batch, self.text_key).to_pylist()
        return pa.array([self._perplexity(text) for text in pieces], pa.float64())

    def _perplexity(self, text: str) -> float:
        """10 to the power of the mean negative log10 likelihood of a word, ends of lines counted as words."""
        lines = text.splitlines()
        if not lines:
            return 0.0
        words = len(text.split()) + len(lines)
        likelihood: float = sum(self.model.score(line) for line in lines)
        return round(math.pow(10.0, -likelihood / words), 1)
