"""Where the rows of JSON Lines lie: line ends, blank lines, and the greedy cut into fragments. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from data_juicer.formats.base import FragmentLimits

Offsets = npt.NDArray[np.int64]

BOM: Final = b"\xef\xbb\xbf"
BLANKS: Final = b" \t\r"
_NEWLINE: Final = 10
_NONE: Final[Offsets] = np.empty(0, np.int64)


class RowLines(msgspec.Struct, frozen=True):
    """Lines that are rows, that is, not blank. Three arrays of shape (rows,)."""

    starts: Offsets
    stops: Offsets
    """After the newline."""
    numbers: Offsets
    """Line number, from that of the first line fed."""


class LineIndex:
    """Finds the rows of a text that comes in chunks; a line may span chunks."""

    def __init__(self, offset: int = 0, line: int = 1) -> None:
        self.offset = offset
        """Of the next byte to come."""
        self.open_start = offset
        """Of the line that is not complete yet."""
        self.open_is_blank = True
        self.open_line = line
        """Its number."""

    def feed(self, chunk: bytes) -> RowLines:
        """The rows whose lines this chunk completes."""
        data = np.frombuffer(chunk, np.uint8)
        line_stops = np.flatnonzero(data == _NEWLINE) + 1
        if not len(line_stops):
            self.open_is_blank = self.open_is_blank and not chunk.strip(BLANKS)
            self.offset += len(chunk)
            return RowLines(_NONE, _NONE, _NONE)
        line_starts = np.concatenate(([0], line_stops[:-1]))
        is_row = ~_blank_lines(chunk, data, line_starts, line_stops)
        is_row[0] |= not self.open_is_blank
        starts = line_starts + self.offset
        starts[0] = self.open_start
        numbers = np.arange(self.open_line, self.open_line + len(line_stops))
        rows = RowLines(starts[is_row], (line_stops + self.offset)[is_row], numbers[is_row])
        tail = int(line_stops[-1])
        self.open_start = self.offset + tail
        self.open_is_blank = not chunk[tail:].strip(BLANKS)
        self.offset += len(chunk)
        self.open_line += len(line_stops)
        return rows

    def finish(self) -> RowLines:
        """The last line, if the text does not end in a newline and the line is a row."""
        if self.open_is_blank:
            return RowLines(_NONE, _NONE, _NONE)
        return RowLines(np.array([self.open_start]), np.array([self.offset]), np.array([self.open_line]))


def _blank_lines(
    chunk: bytes, data: npt.NDArray[np.uint8], starts: Offsets, stops: Offsets
) -> npt.NDArray[np.bool_]:
    first = data[starts]
    blank: npt.NDArray[np.bool_] = first == _NEWLINE
    for line in np.flatnonzero((first == 32) | (first == 9) | (first == 13)).tolist():  # " ", tab, CR
        blank[line] = not chunk[starts[line] : stops[line] - 1].strip(BLANKS)
    return blank


class Cut(msgspec.Struct, frozen=True):
    """A fragment begins at this byte with this line; what the one before it contains."""

    byte: int
    line: int
    rows_before: int
    long_row_bytes: int = 0
    """Of the row before it, where that is too long and alone."""


class Cutter:
    """Cuts rows greedily from the start of a file, so that appended rows change only the last fragment.

    Blank lines before a row belong to the fragment of the row before it.
    """

    def __init__(self, limits: FragmentLimits, fragment_start: int) -> None:
        self._limits = limits
        self.fragment_start = fragment_start
        self.rows = 0
        """Rows of the fragment that is still open."""
        self._long_row_bytes = 0
        """Of the one row in it, where that is too long."""

    def add(self, found: RowLines, newline: int = 1) -> list[Cut]:
        """Where fragments begin among these rows.

        Args:
            newline: bytes of the end of each line; 0 for a last line without one.
        """
        cuts: list[Cut] = []
        row, count = 0, len(found.starts)
        for long in (*self._long_rows(found), count):
            self._add_usual(found, row, long, cuts)
            if long < count:
                if self.rows:
                    cuts.append(self._cut_at(found, long))
                self.rows = 1
                self._long_row_bytes = int(found.stops[long] - found.starts[long]) - newline
            row = long + 1
        return cuts

    def _long_rows(self, found: RowLines) -> list[int]:
        if not self._limits.row_bytes_max:
            return []
        rows: list[int] = np.flatnonzero(found.stops - found.starts > self._limits.row_bytes_max).tolist()
        return rows

    def _add_usual(self, found: RowLines, row: int, stop: int, cuts: list[Cut]) -> None:
        """Rows [row, stop), none of which is too long."""
        if row < stop and self._long_row_bytes:
            cuts.append(self._cut_at(found, row))
        while row < stop:
            fitting = int(np.searchsorted(found.stops, self._stop_max, side="right"))
            if self.rows == 0:
                fitting = max(fitting, row + 1)
            cut = max(row, min(fitting, stop, row + self._limits.rows_max - self.rows))
            self.rows += cut - row
            row = cut
            if row < stop:
                cuts.append(self._cut_at(found, row))

    def _cut_at(self, found: RowLines, row: int) -> Cut:
        return self.cut(int(found.starts[row]), int(found.numbers[row]))

    def cut_before_open_line(self, index: LineIndex) -> bool:
        """Whether the incomplete line is already known to begin a fragment, however it goes on."""
        row_max = self._limits.row_bytes_max
        full = (
            self.rows == self._limits.rows_max
            or index.offset > self._stop_max
            or self._long_row_bytes > 0
            or 0 < row_max < index.offset - index.open_start
        )
        return self.rows > 0 and not index.open_is_blank and full

    @property
    def _stop_max(self) -> int:
        return self.fragment_start + self._limits.size_bytes_max

    def cut(self, byte: int, line: int) -> Cut:
        """Close the fragment; the next one begins here."""
        cut = Cut(byte, line, self.rows, self._long_row_bytes)
        self.fragment_start, self.rows, self._long_row_bytes = byte, 0, 0
        return cut


def split_rows(data: bytes, line_start: int = 1) -> RowLines:
    """The rows of a whole text, `stops` and `starts` drawn in so that no blanks are left at their ends."""
    index = LineIndex(line=line_start)
    complete, last = index.feed(data), index.finish()
    starts = np.concatenate((complete.starts, last.starts))
    stops = np.concatenate((complete.stops, last.stops))
    numbers = np.concatenate((complete.numbers, last.numbers))
    if not len(starts):
        return RowLines(starts, stops, numbers)
    array = np.frombuffer(data, np.uint8)
    stops = stops - (array[stops - 1] == _NEWLINE)
    stops = stops - (array[stops - 1] == 13)  # the CR of CRLF, for all lines at once
    for row in np.flatnonzero(_is_blank(array[stops - 1])).tolist():
        stops[row] = starts[row] + len(data[starts[row] : stops[row]].rstrip(BLANKS))
    for row in np.flatnonzero(_is_blank(array[starts])).tolist():
        starts[row] = stops[row] - len(data[starts[row] : stops[row]].lstrip(BLANKS))
    return RowLines(starts, stops, numbers)


def _is_blank(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    blank: npt.NDArray[np.bool_] = (values == 32) | (values == 9) | (values == 13)
    return blank
