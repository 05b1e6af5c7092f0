"""Tokens of a Hugging Face tokenizer on this machine, there and back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from data_juicer.ops.resources import models, optional


class Tokens:
    """A tokenizer, loaded when it is needed."""

    def __init__(self, name: str, operator: str) -> None:
        """
        Args:
            name: a local path, or a name on the hub whose files are in the model folders or in the hub's cache.
            operator: who needs it, for messages.

        Raises: ConfigError: the tokenizer or the library is not there.
        """
        optional.need("tokenizers", operator=operator, extra="tokenizers")
        self._operator = operator
        self.path = models.need_tokenizer(name, operator=operator)
        self._tokenizer: Any = None

    def load(self) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # a worker runs one thread
        import tokenizers

        with models.parsing(self.path, operator=self._operator, what="tokenizer"):
            self._tokenizer = tokenizers.Tokenizer.from_file(self.path)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, without special ones around it."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens; where a character is cut, U+FFFD stands for its parts."""
        text: str = self._tokenizer.decode(ids, skip_special_tokens=False)
        return text
