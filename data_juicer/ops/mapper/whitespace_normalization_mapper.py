"""Makes white space of all kinds the plain one."""

from __future__ import annotations

from functools import cache
from typing import ClassVar, Final

import pyarrow as pa
import pyarrow.compute as pc

from data_juicer.kernels.patterns.replace import PYTHON_SPACES, Replacer
from data_juicer.ops.base import TextMapper

KINDS: Final = (
    "\t\xa0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
    "\u200b\u200c\u200d\u2060\ufffc\x84"
)
"""White space other than the plain one, and characters without width that count as such; no line ends."""


class WhitespaceNormalizationMapper(TextMapper):
    """White space normalisation: strips texts and makes each tab and special space (zero-width ones too) a plain space; line ends stay."""

    name: ClassVar[str] = "whitespace_normalization_mapper"

    def map_text(self, text: pa.Array) -> pa.Array:
        return _replacer().column(pc.utf8_trim(text, PYTHON_SPACES))


@cache
def _replacer() -> Replacer:
    return Replacer(dict.fromkeys(KINDS, " "))
