"""Text of HTML pages."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from data_juicer.kernels.patterns.timed import limited, seconds_with_children
from data_juicer.kernels.rows import map_rows, matching
from data_juicer.ops.base import TextMapper
from data_juicer.ops.mapper._html_text import may_explode, read_within, text_of
from data_juicer.ops.resources.optional import need

if TYPE_CHECKING:
    import pyarrow as pa

# What a parser changes in a text without markup: references, line ends, NUL, white space before the body.
_NOT_PLAIN: Final = r"[<&\r\x00]|\A[ \t\n\f]"


class CleanHtmlMapper(TextMapper):
    """HTML to text: extracts the text of HTML; `<li>` and `<ol>` become a new line with an asterisk.

    Example: <p>one <b>word</b></p> -> one word

    Args:
        keep_block_separators: put a line break around paragraphs, table cells and other blocks, which are
            otherwise joined without any, and leave out the contents of script and style elements.
    """

    name: ClassVar[str] = "clean_html_mapper"

    def __init__(self, keep_block_separators: bool = False) -> None:
        need("selectolax", operator=self.name)
        self.keep_block_separators = keep_block_separators

    def map_text(self, text: pa.Array) -> pa.Array:
        return map_rows(text, matching(text, _NOT_PLAIN), self._clean)

    def _clean(self, text: str) -> str:
        for tag in ("li", "ol"):
            text = text.replace(f"<{tag}>", "\n*").replace(f"</{tag}>", "")
        if may_explode(text):
            return limited("the HTML parser", text, partial(self._clean_apart, text), seconds_with_children)
        return text_of(text, separate_blocks=self.keep_block_separators)

    def _clean_apart(self, text: str, limit_s: float) -> str:
        return read_within(text, limit_s, "text", separate_blocks=self.keep_block_separators)
