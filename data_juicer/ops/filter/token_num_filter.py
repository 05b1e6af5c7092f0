"""Keeps rows by the number of tokens of their text."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

from data_juicer.ops.bases.range_filter import RangeFilter
from data_juicer.ops.resources import models, optional

if TYPE_CHECKING:
    from data_juicer.ops.context import OperatorContext
    from data_juicer.rows.batch import Batch


class TokenNumFilter(RangeFilter):
    """Token count: keeps rows whose text has between `min_num` and `max_num` tokens, surrounding special tokens excluded.

    The tokenizer is a `tokenizer.json` on this machine: the model folders and the cache of the Hugging Face hub are
    searched, and nothing is downloaded.

    Args:
        hf_tokenizer: path of a tokenizer, or its name on the hub.
        min_num: least number of tokens.
        max_num: greatest number of tokens.
    """

    name: ClassVar[str] = "token_num_filter"
    stats_key = "num_token"

    def __init__(
        self,
        hf_tokenizer: str = "EleutherAI/pythia-6.9b-deduped",
        min_num: int | None = 10,
        max_num: int | None = sys.maxsize,
    ) -> None:
        super().__init__(min_num, max_num)
        optional.need("tokenizers", operator=self.name, extra="tokenizers")
        self.tokenizer_path = models.need_tokenizer(hf_tokenizer, operator=self.name)
        self.tokenizer: Any = None

    def assets(self) -> tuple[str, ...]:
        return (self.tokenizer_path,)

    def prepare(self, context: OperatorContext | None = None) -> None:
        os.environ.setdefault(
            "TOKENIZERS_PARALLELISM", "false"
        )  # a worker runs one thread, so that np means what it says
        import tokenizers

        with models.parsing(self.tokenizer_path, operator=self.name, what="tokenizer"):
            self.tokenizer = tokenizers.Tokenizer.from_file(self.tokenizer_path)
        self.tokenizer.no_truncation()  # a tokenizer's file may ask for both, which would be counted
        self.tokenizer.no_padding()

    def stat(self, batch: Batch) -> pa.Array:
        encoded = self.tokenizer.encode_batch_fast(
            batch.text(self.text_key).to_pylist(), add_special_tokens=False
        )
        return pa.array([len(tokens) for tokens in encoded], pa.int64())
