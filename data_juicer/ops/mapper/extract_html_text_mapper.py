"""The main text of web pages, without menus and footers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from data_juicer.kernels.rows import map_rows, matching
from data_juicer.ops.base import TextMapper
from data_juicer.ops.resources.optional import need

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.ops.context import OperatorContext

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
        self.main_content = main_content
        self.preserve_formatting = preserve_formatting
        self.list_bullets = list_bullets
        self.alt_texts = alt_texts
        self.links = links
        self.comments = comments
        self._extract: Any = None

    def prepare(self, context: OperatorContext | None = None) -> None:
        from resiliparse.extract.html2text import extract_plain_text

        self._extract = extract_plain_text

    def map_text(self, text: pa.Array) -> pa.Array:
        return map_rows(text, matching(text, _TAG), self._text_of)

    def _text_of(self, page: str) -> str:
        return str(
            self._extract(
                page,
                main_content=self.main_content,
                preserve_formatting=self.preserve_formatting,
                list_bullets=self.list_bullets,
                alt_texts=self.alt_texts,
                links=self.links,
                comments=self.comments,
            )
        )
