"""A table of text that fits a width: first column left and cut where it must be, numbers right and never cut. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from data_juicer.printable import printable

_GAP: Final = "  "
_FIRST_WIDTH_MIN: Final = 12


def format_table(titles: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """Title, rule and a line a row.

    Args:
        width: columns of the screen, None to cut nothing; where even 12 characters of the first column do not fit,
            lines are longer.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    cells_width = sum(len(_GAP) + column for column in widths[1:])
    if width is not None:
        widths[0] = min(widths[0], max(_FIRST_WIDTH_MIN, width - cells_width))
    lines = [_line(cells, widths) for cells in (titles, *rows)]
    return [lines[0], "─" * (widths[0] + cells_width), *lines[1:]]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first = cells[0] if len(cells[0]) <= widths[0] else f"{cells[0][: widths[0] - 1]}…"
    cells_width = (f"{cell:>{width}}" for cell, width in zip(cells[1:], widths[1:], strict=True))
    return _GAP.join([f"{first:<{widths[0]}}", *cells_width]).rstrip()
