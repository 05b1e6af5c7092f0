"""Tables in plain text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec
import regex

from data_juicer.kernels.lines.table_rows import may_hold_table
from data_juicer.kernels.rows import map_rows
from data_juicer.ops.base import TextMapper

if TYPE_CHECKING:
    import pyarrow as pa

_COLUMNS: Final = range(2, 21)
_LINES: Final = re.compile(r"[^\n]+\n*|\n+")
_CELLS: Final = regex.compile(r"\S+(?:[ \t]\S+)*+")


class RemoveTableTextMapper(TextMapper):
    r"""Plain-text table removal: removes two or more lines with the same number of columns.

    Columns stand apart by one space, tab or vertical bar. Lines are taken as a table with 2 columns first, then with
    3, and so on; the first line of a text is never part of one.

    Example: a:\nx 1\ny 2\nend -> a:\nend

    Args:
        min_col: least number of columns of a table, 2 to 20.
        max_col: greatest number of columns, 2 to 20.
    """

    name: ClassVar[str] = "remove_table_text_mapper"

    def __init__(self, min_col: int = 2, max_col: int = 20) -> None:
        for column_count in (min_col, max_col):
            if column_count not in _COLUMNS:
                raise ValueError(f"columns must be 2 to 20; found {column_count}")
        self.min_col = min_col
        self.max_col = max_col

    def map_text(self, text: pa.Array) -> pa.Array:
        return map_rows(text, may_hold_table(text, self.min_col, self.max_col), self._clean)

    def _clean(self, text: str) -> str:
        lines = [_Line.of(match[0]) for match in _LINES.finditer(text)]
        most = max(line.columns_max for line in lines)
        for columns in range(self.min_col, min(self.max_col, most) + 1):
            lines = _without_tables(lines, columns)
        return "".join(line.text for line in lines)


class _Line(msgspec.Struct, frozen=True):
    """A line with the line feeds after it; the numbers of columns that it can be read with (0 to 0: none)."""

    text: str
    columns_min: int = 0
    columns_max: int = 0

    @staticmethod
    def of(text: str) -> _Line:
        cells = text.rstrip("\n")
        if cells == text or not _CELLS.fullmatch(cells):
            return _Line(text)
        words = re.split(r"[ \t]", cells)
        return _Line(text, len(words), len(words) + sum(map(_bars, words)))


def _bars(word: str) -> int:
    """How many vertical bars of a word can stand between two columns that are not empty."""
    count, column_start = 0, 0
    for place in range(1, len(word) - 1):
        if word[place] == "|" and place > column_start:
            count += 1
            column_start = place + 1
    return count


def _without_tables(lines: list[_Line], columns: int) -> list[_Line]:
    left: list[_Line] = lines[:1]
    table: list[_Line] = []
    for line in lines[1:]:
        if line.columns_min <= columns <= line.columns_max:
            table.append(line)
            continue
        if len(table) < 2:
            left += table
        table = []
        left.append(line)
    return left + table if len(table) < 2 else left
