"""Single characters to remove."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from data_juicer.kernels.characters.codepoints import table_of
from data_juicer.kernels.keep import keep_characters
from data_juicer.kernels.rows import map_part, matching
from data_juicer.ops.base import TextMapper

if TYPE_CHECKING:
    import pyarrow as pa


class RemoveSpecificCharsMapper(TextMapper):
    """Character removal: removes given characters anywhere in the text.

    Example: ● item -> item

    Args:
        chars_to_remove: the characters, as one string or a list; empty: nothing is removed.
    """

    name: ClassVar[str] = "remove_specific_chars_mapper"

    def __init__(self, chars_to_remove: str | list[str] = "◆●■►▼▲▴∆▻▷❖♡□") -> None:
        removed = set("".join(chars_to_remove))
        self._kept = 1 - table_of(removed)
        self._guard = "".join(f"\\x{{{ord(character):x}}}" for character in sorted(removed))

    def map_text(self, text: pa.Array) -> pa.Array:
        if not self._guard:
            return text
        return map_part(
            text, matching(text, f"[{self._guard}]"), lambda part: keep_characters(part, self._kept)
        )
