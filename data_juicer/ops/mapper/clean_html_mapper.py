"""Text of HTML pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Final

from data_juicer.kernels.rows import map_rows, matching
from data_juicer.ops.base import TextMapper
from data_juicer.ops.resources.optional import need

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.ops.context import OperatorContext

# What a parser changes in a text without markup: references, line ends, NUL, white space before the body.
_NOT_PLAIN: Final = r"[<&\r\x00]|\A[ \t\n\f]"
_BLOCKS: Final = (
    "address article aside blockquote br dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header "
    "hr li main nav ol p pre section table td th tr ul"
)
_LINE_ENDS: Final = re.compile(r"[ \t]*\n\s*")


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
        self._parser: Any = None

    def prepare(self, context: OperatorContext | None = None) -> None:
        from selectolax.lexbor import LexborHTMLParser

        self._parser = LexborHTMLParser

    def map_text(self, text: pa.Array) -> pa.Array:
        return map_rows(text, matching(text, _NOT_PLAIN), self._clean)

    def _clean(self, text: str) -> str:
        for tag in ("li", "ol"):
            text = text.replace(f"<{tag}>", "\n*").replace(f"</{tag}>", "")
        page = self._parser(text)
        if self.keep_block_separators:
            _separate_blocks(page)
        cleaned: str = page.text()
        return _LINE_ENDS.sub("\n", cleaned).strip("\n") if self.keep_block_separators else cleaned


def _separate_blocks(page: Any) -> None:
    for element in page.css("script, style"):
        element.decompose()
    for element in page.css(", ".join(_BLOCKS.split())):
        element.insert_before("\n")
        element.insert_after("\n")
