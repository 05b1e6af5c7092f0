"""The main text of web pages, without menus and footers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from data_juicer.kernels.patterns.timed import limited, seconds_with_children
from data_juicer.kernels.rows import map_rows, matching
from data_juicer.ops.base import TextMapper
from data_juicer.ops.mapper._html_text import main_text_of, may_explode, read_within
from data_juicer.ops.resources.optional import need

if TYPE_CHECKING:
    import pyarrow as pa

_TAG: Final = r"<[A-Za-z!/?]"


class ExtractHtmlTextMapper(TextMapper):
    """Main content of a web page: the text of its article, without navigation, footers, scripts and forms.

    A text without a tag stays as it is. The extraction is that of resiliparse.

    Example: <html><body><nav><a href="/">Home</a></nav><main><h1>Title</h1><p>One text.</p></main></body></html> -> Title

    Args:
        main_content: leave out what is no main content; false: all text that is seen.
        preserve_formatting: keep paragraphs, headings and preformatted text on lines of their own; false: one line.
        list_bullets: put bullets and numbers before the items of lists.
        alt_texts: keep the texts that stand for images.
        links: keep the addresses of links.
        comments: count comment sections as main content.
    """

    name: ClassVar[str] = "extract_html_text_mapper"

    def __init__(
        self,
        main_content: bool = True,
        preserve_formatting: bool = True,
        list_bullets: bool = True,
        alt_texts: bool = False,
        links: bool = False,
        comments: bool = True,
    ) -> None:
        need("resiliparse", operator=self.name, extra="html")
        self._options = {
            "main_content": main_content,
            "preserve_formatting": preserve_formatting,
            "list_bullets": list_bullets,
            "alt_texts": alt_texts,
            "links": links,
            "comments": comments,
        }

    def map_text(self, text: pa.Array) -> pa.Array:
        return map_rows(text, matching(text, _TAG), self._text_of)

    def _text_of(self, page: str) -> str:
        if may_explode(page):
            return limited("the HTML parser", page, partial(self._read_apart, page), seconds_with_children)
        return main_text_of(page, **self._options)

    def _read_apart(self, page: str, limit_s: float) -> str:
        return read_within(page, limit_s, "main text", **self._options)
