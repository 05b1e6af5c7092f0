"""Words as a SentencePiece model cuts them, for the operators with `tokenization` and for perplexity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from data_juicer.ops.resources import models, optional

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class SentencePieceModel:
    """The SentencePiece model of one language, `{lang}.sp.model` of the model folders."""

    def __init__(self, lang: str, operator: str, file: str | None = None) -> None:
        """
        Args:
            file: another model than that of the language.
        Raises: ConfigError: the model or the library is not there.
        """
        optional.need("sentencepiece", operator=operator, extra="perplexity")
        self._operator = operator
        self.path = models.need_model(
            file or f"{lang}.sp.model", operator=operator, what="SentencePiece model"
        )
        self._processor: Any = None

    def load(self) -> None:
        import sentencepiece

        with models.parsing(self.path, operator=self._operator, what="SentencePiece model"):
            self._processor = sentencepiece.SentencePieceProcessor(model_file=self.path)

    def of(self, batch: Batch, key: str) -> pa.Array:
        """The pieces of each text of the column `key`: large_list of large_string."""
        pieces = [text.split(" ") if text else [] for text in self.joined(batch, key).to_pylist()]
        return pa.array(pieces, pa.large_list(pa.large_string()))

    def joined(self, batch: Batch, key: str) -> pa.Array:
        """The pieces of each text joined by spaces, of which they hold none: cut once for all operators."""
        return batch.shared(key, "pieces", self.path, make=self.cut)

    def cut(self, column: pa.Array) -> pa.Array:
        """The pieces of each text, joined by spaces."""
        texts = column.to_pylist()
        return pa.array(
            [" ".join(self._processor.encode_as_pieces(text)) for text in texts], pa.large_string()
        )
