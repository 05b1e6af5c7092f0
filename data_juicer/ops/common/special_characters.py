"""Sets of characters, where operators written for DataJuicer look for them."""

from __future__ import annotations

from typing import Final

from data_juicer.kernels.characters.special_characters import SPECIAL_CHARACTERS
from data_juicer.ops.mapper.whitespace_normalization_mapper import KINDS

__all__ = ["SPECIAL_CHARACTERS", "VARIOUS_WHITESPACES"]

VARIOUS_WHITESPACES: Final = frozenset(f" {KINDS}")
"""White space of every kind but line ends, and characters that show as nothing."""
