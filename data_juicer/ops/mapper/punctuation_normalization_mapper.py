"""Makes Unicode punctuation the ASCII one."""

from __future__ import annotations

from functools import cache
from typing import ClassVar, Final

import pyarrow as pa

from data_juicer.kernels.patterns.replace import Replacer
from data_juicer.ops.base import TextMapper

PUNCTUATION: Final = {
    **dict.fromkeys("，、", ","),
    **dict.fromkeys("„”“«»１」「《》", '"'),  # the full-width 1 as recorded, docs/differences.md
    **dict.fromkeys("´’", "'"),
    **dict.fromkeys("∶：", ":"),
    **dict.fromkeys("–━►", "-"),
    "。": ".",
    "？": "?",
    "！": "!",
    "（": "(",
    "）": ")",
    "；": ";",
    "—": " - ",
    "．": ". ",
    "～": "~",
    "…": "...",
    "〈": "<",
    "〉": ">",
    "【": "[",
    "】": "]",
    "％": "%",
}


class PunctuationNormalizationMapper(TextMapper):
    """Punctuation normalisation: typographic and full-width punctuation becomes ASCII: `，` -> `,`, `“` -> `"`, `…` -> `...`."""

    name: ClassVar[str] = "punctuation_normalization_mapper"

    def map_text(self, text: pa.Array) -> pa.Array:
        return _replacer().column(text)


@cache
def _replacer() -> Replacer:
    return Replacer(PUNCTUATION)
