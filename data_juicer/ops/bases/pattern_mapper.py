"""Mappers that replace what one regular expression matches."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from data_juicer.kernels.patterns.patterns import Substitution, plain_pattern
from data_juicer.ops.base import TextMapper


class PatternMapper(TextMapper):
    """Replaces every match of `pattern`, or of the operator's own where none is given."""

    default_pattern: ClassVar[str]

    def __init__(self, pattern: str | None, repl: str) -> None:
        """Raises: ConfigError: the pattern is no regular expression."""
        self.is_default = pattern is None
        self.substitution = Substitution(
            self.default_pattern if pattern is None else plain_pattern(pattern), repl
        )

    def map_text(self, text: pa.Array) -> pa.Array:
        return self.map_default(text) if self.is_default else self.substitution.column(text)

    def map_default(self, text: pa.Array) -> pa.Array:
        """The same for the operator's own pattern; overridden with a guard that knows the pattern."""
        return self.substitution.column(text)
