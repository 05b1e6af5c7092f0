"""Tables of HTML pages as tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from data_juicer.kernels.rows import matching
from data_juicer.ops.base import Mapper
from data_juicer.ops.resources.optional import need
from data_juicer.rows.batch import META_FIELD

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch

_TABLE: Final = "(?i)<table"
_NESTED_MAX: Final = 1_000_000
"""Elements of all tables, those of a table in a table counted in both."""


class ExtractTablesFromHtmlMapper(Mapper):
    """HTML table extraction: tags a row with the tables of its text, each a list of rows of cells; the text is not changed.

    Example: <table><tr><td>a</td></tr></table> -> tag html_tables [[["a"]]]

    Args:
        tables_field_name: the tag; a row that has it stays as it is.
        retain_html_tags: give each table as HTML instead.
        include_header: also give rows that have header cells.
    """

    name: ClassVar[str] = "extract_tables_from_html_mapper"

    def __init__(
        self,
        tables_field_name: str = "html_tables",
        retain_html_tags: bool = False,
        include_header: bool = True,
    ) -> None:
        need("bs4", operator=self.name)
        self.tables_field_name = tables_field_name
        self.retain_html_tags = retain_html_tags
        self.include_header = include_header

    def measures(self) -> bool:
        return True  # tables are tags of a row

    def process(self, batch: Batch) -> Batch:
        text = batch.text(self.text_key)
        rows = zip(text.to_pylist(), matching(text, _TABLE).tolist(), batch.column(META_FIELD), strict=True)
        return batch.with_column(
            META_FIELD, [self._tagged(meta or {}, row, is_text) for row, is_text, meta in rows]
        )

    def _tagged(self, meta: dict[str, Any], text: str, is_text: bool) -> dict[str, Any]:
        if self.tables_field_name in meta:
            return meta
        return {**meta, self.tables_field_name: self._tables(text) if is_text else []}

    def _tables(self, text: str) -> list[Any]:
        import bs4

        try:
            page = bs4.BeautifulSoup(text, "html.parser")
        except bs4.ParserRejectedMarkup as error:
            raise ValueError(f"the HTML parser gives up: {error}") from error
        _refuse_deep_tables(page)
        found = page.find_all("table")
        if self.retain_html_tags:
            return [str(table) for table in found]
        return [rows for table in found if (rows := self._rows(table))]

    def _rows(self, table: Any) -> list[list[str]]:
        rows = [
            [cell.get_text(strip=True) for cell in row.find_all(["td", "th"], recursive=False)]
            for row in table.find_all("tr")
            if self.include_header or row.find("th", recursive=False) is None
        ]
        return [row for row in rows if row]


def _refuse_deep_tables(page: Any) -> None:
    """Raises: ValueError: the tables within tables, each of which repeats what is in it, have too many elements in all."""
    tables_around = {id(page): 0}
    total = 0
    for element in page.find_all(True):
        around = tables_around[id(element.parent)]
        total += around
        tables_around[id(element)] = around + (element.name == "table")
    if total > _NESTED_MAX:
        raise ValueError(
            f"its tables are nested too deep: they have {total:,} elements in all, at most {_NESTED_MAX:,} are given"
        )
