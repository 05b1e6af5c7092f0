"""Characters that are no Chinese."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, ClassVar, Final

from data_juicer.kernels.characters.codepoints import table_of
from data_juicer.kernels.keep import keep_characters
from data_juicer.ops.base import TextMapper

if TYPE_CHECKING:
    import pyarrow as pa

_CHINESE: Final = "".join(map(chr, range(0x4E00, 0x9FA6)))
_PUNCTUATION: Final = ".， ,-。%《*》/•、&＆(—)（+）：？!！“”·"


class RemoveNonChineseCharacterMapper(TextMapper):
    """Chinese text only: removes all characters except Chinese ones (U+4E00 to U+9FA5) and the kinds that are kept.

    Example: 中文é文 -> 中文文

    Args:
        keep_alphabet: keep the letters A to Z and a to z.
        keep_number: keep the digits 0 to 9.
        keep_punc: keep the space and common punctuation; line breaks are removed in any case.
    """

    name: ClassVar[str] = "remove_non_chinese_character_mapper"

    def __init__(self, keep_alphabet: bool = True, keep_number: bool = True, keep_punc: bool = True) -> None:
        kinds = (
            (keep_alphabet, string.ascii_letters),
            (keep_number, string.digits),
            (keep_punc, _PUNCTUATION),
        )
        self._kept = table_of(_CHINESE + "".join(kind for keep, kind in kinds if keep))

    def map_text(self, text: pa.Array) -> pa.Array:
        return keep_characters(text, self._kept)
