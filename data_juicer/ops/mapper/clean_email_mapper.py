"""Removes e-mail addresses."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from data_juicer.kernels.characters.codepoints import byte_table, bytes_of, positions_of
from data_juicer.kernels.rows import map_part
from data_juicer.ops.bases.pattern_mapper import PatternMapper

# Bytes that can be beside the @ of an address: ASCII letters, digits and some marks.
_MAY_TOUCH: Final = byte_table(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+_").view(
    np.bool_
)
_AT: Final = byte_table(b"@")


class CleanEmailMapper(PatternMapper):
    """E-mail address removal: `reach me at a@b.example` -> `reach me at `; host names in capitals are left.

    Args:
        pattern: a regular expression to replace instead; `r'...'` around it is dropped.
        repl: what an address is replaced with.
    """

    name: ClassVar[str] = "clean_email_mapper"
    default_pattern: ClassVar[str] = r"[A-Za-z0-9.\-+_]+@[a-z0-9.\-+_]+\.[a-z]+"

    def __init__(self, pattern: str | None = None, repl: str = "") -> None:
        super().__init__(pattern, repl)

    def map_default(self, text: pa.Array) -> pa.Array:
        utf8 = bytes_of(text)
        ats = positions_of(utf8.data, _AT)
        before = utf8.data[np.maximum(ats - 1, 0)]  # at an end it is the @ itself, which touches nothing
        after = utf8.data[np.minimum(ats + 1, len(utf8.data) - 1)]
        ats = ats[_MAY_TOUCH.take(before) & _MAY_TOUCH.take(after)]
        return map_part(text, np.diff(np.searchsorted(ats, utf8.offsets)) > 0, self.substitution.column)
