"""Keeps rows by their share of letters and digits."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from data_juicer.kernels.characters.codepoints import Counts, Table, count_in, ratio, table_where
from data_juicer.ops.bases.range_filter import RangeFilter
from data_juicer.ops.resources import models, optional
from data_juicer.ops.shared_text import shared_lengths

if TYPE_CHECKING:
    from data_juicer.ops.context import OperatorContext
    from data_juicer.rows.batch import Batch

TOKENIZER: Final = "EleutherAI/pythia-6.9b-deduped"


class AlphanumericFilter(RangeFilter):
    """Alphanumeric ratio: keeps rows whose share of letters and digits is between `min_ratio` and `max_ratio`.

    Args:
        tokenization: letters for each token of a tokenizer (pythia's, from the models on this machine) instead.
        min_ratio: least share.
        max_ratio: greatest share.
    """

    name: ClassVar[str] = "alphanumeric_filter"

    def __init__(
        self,
        tokenization: bool = False,
        min_ratio: float | None = 0.25,
        max_ratio: float | None = sys.maxsize,
    ) -> None:
        super().__init__(min_ratio, max_ratio)
        self.tokenization = tokenization
        self.tokenizer_path = self._tokenizer_path() if tokenization else None
        self.tokenizer: Any = None

    def _tokenizer_path(self) -> str:
        optional.need("tokenizers", operator=self.name, extra="tokenizers")
        return models.need_tokenizer(TOKENIZER, operator=self.name)

    @property
    def stats_key(self) -> str:
        return "alpha_token_ratio" if self.tokenization else "alnum_ratio"

    def assets(self) -> tuple[str, ...]:
        return (self.tokenizer_path,) if self.tokenizer_path else ()

    def prepare(self, context: OperatorContext | None = None) -> None:
        if self.tokenizer_path:
            os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # a worker runs one thread
            import tokenizers

            self.tokenizer = tokenizers.Tokenizer.from_file(self.tokenizer_path)
            self.tokenizer.no_truncation()  # a tokenizer's file may ask for both, which would be counted
            self.tokenizer.no_padding()

    def stat(self, batch: Batch) -> pa.Array:
        key = self.text_key
        if self.tokenization:
            letters = batch.shared(key, "letters", make=lambda column: count_in(column, _letters()))
            return pa.array(ratio(letters, batch.shared(key, "tokens", TOKENIZER, make=self._tokens)))
        counted = batch.shared(
            key, "letters and digits", make=lambda column: count_in(column, _alphanumeric())
        )
        return pa.array(ratio(counted, shared_lengths(batch, key)))

    def _tokens(self, column: pa.Array) -> Counts:
        encoded = self.tokenizer.encode_batch_fast(column.to_pylist(), add_special_tokens=False)
        return np.array([len(tokens) for tokens in encoded], np.int64)


@cache
def _alphanumeric() -> Table:
    return table_where(str.isalnum)


@cache
def _letters() -> Table:
    return table_where(str.isalpha)
