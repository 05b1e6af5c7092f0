"""Comments of LaTeX documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import pyarrow.compute as pc

from data_juicer.kernels.rows import containing, map_part
from data_juicer.ops.base import TextMapper

if TYPE_CHECKING:
    import pyarrow as pa

_INLINE: Final = r"(?m)[^\\]%.+$"
_WHOLE_LINE: Final = r"(?m)^%.*\n?"


class RemoveCommentsMapper(TextMapper):
    """LaTeX comment removal: removes from an unescaped percent sign, with the character before it, to the line end.

    Example: one % two -> one

    Args:
        doc_type: the kind of document; TeX is the only one known, and what every text is taken for.
        inline: remove comments after text.
        multiline: remove lines that are comments.
    """

    name: ClassVar[str] = "remove_comments_mapper"

    def __init__(
        self, doc_type: str | list[str] = "tex", inline: bool = True, multiline: bool = True
    ) -> None:
        self.doc_type = doc_type
        self.patterns = [pattern for on, pattern in ((inline, _INLINE), (multiline, _WHOLE_LINE)) if on]

    def map_text(self, text: pa.Array) -> pa.Array:
        return map_part(text, containing(text, "%"), self._clean)

    def _clean(self, text: pa.Array) -> pa.Array:
        for pattern in self.patterns:
            text = pc.replace_substring_regex(text, pattern, "")
        return text
