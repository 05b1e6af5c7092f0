"""Removes e-mail addresses."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from data_juicer.kernels.characters.codepoints import bytes_of
from data_juicer.kernels.rows import map_part
from data_juicer.ops.bases.pattern_mapper import PatternMapper

# Bytes that can be beside the @ of an address: ASCII letters, digits and some marks.
_MAY_TOUCH: Final = np.zeros(256, np.bool_)
_MAY_TOUCH[list(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+_")] = True


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
        ats = np.flatnonzero(utf8.data == ord("@"))
        around = _MAY_TOUCH.take(np.pad(utf8.data, 1).take([ats, ats + 2]))
        ats = ats[around.all(axis=0)]
        return map_part(text, np.diff(np.searchsorted(ats, utf8.offsets)) > 0, self.substitution.column)
