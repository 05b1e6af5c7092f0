"""The elements of a JSON array that comes in chunks, each as the bytes that it is, in the memory of one element. Pure.

What decides is found for a whole chunk at once: quotes that are not escaped say what is within strings, brackets
outside of strings say how deep it is, and commas at the depth of the array end its elements.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from data_juicer.formats.base import LONG_ROW_BYTES_KEPT

Positions = npt.NDArray[np.intp]

_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")
_COMMA: Final = ord(",")
_BLANKS: Final = b" \t\r\n"


def _table(marked: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[np.frombuffer(marked, np.uint8)] = True
    return table


_MARKS: Final = _table(b'"[]{},')
_OPENING: Final = _table(b"[{")
_CLOSING: Final = _table(b"]}")


class Element(NamedTuple):
    """An element of the array, without blanks around it."""

    data: bytes
    """Of one that is too long the first LONG_ROW_BYTES_KEPT."""
    start: int
    stop: int
    """Bytes of the text."""


class ElementSplitter:
    """Finds the elements of the array whose bracket is right before the first byte that is fed."""

    def __init__(self, offset: int, element_bytes_max: int = 0) -> None:
        """
        Args:
            offset: of that byte.
            element_bytes_max: of a longer element the beginning alone is kept; 0: no limit.
        """
        self.offset = offset
        """Of the next byte to come."""
        self.is_closed = False
        self.rest = b""
        """Of the last chunk, what came after the array."""
        self._bytes_max = element_bytes_max
        self._depth = 1
        self._in_string = False
        self._is_escaped = False
        """An odd number of backslashes are the last bytes."""
        self._open: list[bytes] = []
        self._open_start = offset
        self._open_bytes = 0

    def feed(self, chunk: bytes) -> list[Element]:
        """The elements that this chunk completes."""
        ends, close = self._ends(np.frombuffer(chunk, np.uint8))
        found = []
        start = 0
        for end in [*ends, *([close] if close >= 0 else [])]:
            self._hold(chunk[start:end])
            element = self._take(self.offset + end, is_last=end == close)
            if element is not None:
                found.append(element)
            start = end + 1
        if close >= 0:
            self.is_closed, self.rest = True, chunk[close + 1 :]
        else:
            self._hold(chunk[start:])
        self.offset += len(chunk)
        return found

    def _ends(self, data: npt.NDArray[np.uint8]) -> tuple[list[int], int]:
        """Positions of the commas that end elements, and of the bracket that closes the array, -1 if not here."""
        marks = np.flatnonzero(_MARKS[data])
        kinds = data[marks]
        is_quote = kinds == _QUOTE
        is_quote[is_quote] &= ~self._escaped(data, marks[is_quote])
        in_string = (np.cumsum(is_quote) + self._in_string) & 1
        outside = (in_string == 0) & (kinds != _QUOTE)
        marks, kinds = marks[outside], kinds[outside]
        depth = self._depth + np.cumsum(_OPENING[kinds].astype(np.int64) - _CLOSING[kinds])
        closes = np.flatnonzero(depth == 0)
        close = int(closes[0]) if len(closes) else len(marks)
        commas = (kinds[:close] == _COMMA) & (depth[:close] == 1)
        self._in_string = bool(in_string[-1]) if len(in_string) else self._in_string
        self._depth = int(depth[-1]) if len(depth) else self._depth
        return marks[:close][commas].tolist(), int(marks[close]) if close < len(marks) else -1

    def _escaped(self, data: npt.NDArray[np.uint8], quotes: Positions) -> npt.NDArray[np.bool_]:
        """Which quotes follow an odd number of backslashes; notes how the chunk ends."""
        slashes = np.flatnonzero(data == _BACKSLASH)
        carried = self._is_escaped
        if not len(slashes):
            self._is_escaped = carried and not len(data)
            first = np.zeros(len(quotes), np.bool_)
            first[quotes == 0] = carried
            return first
        begins = np.concatenate(([True], np.diff(slashes) != 1))
        run = np.cumsum(begins) - 1
        starts = slashes[begins]
        odd = ((slashes - starts[run] + 1 + (carried & (starts[run] == 0))) & 1).astype(np.bool_)
        before = np.searchsorted(slashes, quotes) - 1
        escaped: npt.NDArray[np.bool_] = (before >= 0) & (slashes[before] == quotes - 1) & odd[before]
        escaped[quotes == 0] = carried
        self._is_escaped = bool(slashes[-1] == len(data) - 1 and odd[-1])
        return escaped

    def _hold(self, data: bytes) -> None:
        """More of the element that is not complete yet."""
        if not self._open_bytes:
            kept = data.lstrip(_BLANKS)
            self._open_start += len(data) - len(kept)
            data = kept
        if not data:
            return
        self._open_bytes += len(data)
        self._open.append(data)
        if 0 < self._bytes_max < self._open_bytes:
            self._open = [b"".join(self._open)[:LONG_ROW_BYTES_KEPT]]

    def _take(self, end: int, *, is_last: bool) -> Element | None:
        """The element that ends here; None for what is not there before the bracket that closes the array."""
        data, start = b"".join(self._open), self._open_start
        is_whole = len(data) == self._open_bytes
        stop = start + (len(data := data.rstrip(_BLANKS)) if is_whole else self._open_bytes)
        self._open, self._open_bytes, self._open_start = [], 0, end + 1
        return None if is_last and not data else Element(data, start, stop)
