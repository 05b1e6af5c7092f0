"""Words between spaces, tabs and line feeds, and texts put together again from some of them.

Where words are put together, what stands between two of them becomes one character: a line feed if there was one
in between, else a tab if there was one, else a space.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.ops.text.codepoints import Bytes, Counts, bytes_of, is_ascii, offsets_of, row_sums
from data_juicer.ops.text.special_characters import SPECIAL_CHARACTERS

Mask = npt.NDArray[np.bool_]

_SEPARATORS: Final = np.frombuffer(b" \t\n", np.uint8)
"""In rising order of what wins between two words."""
_RANK: Final = np.zeros(256, np.uint8)
_RANK[_SEPARATORS] = np.arange(len(_SEPARATORS))

_SPECIAL: Final = "".join(sorted(SPECIAL_CHARACTERS))
# Bytes with which a word may start or end that has special characters there.
_MAY_BE_SPECIAL: Final = np.arange(256) >= 0x80
_MAY_BE_SPECIAL[[ord(character) for character in _SPECIAL if ord(character) < 0x80]] = True


def strip_special(word: str) -> str:
    """A word without the special characters at its ends."""
    return word.strip(_SPECIAL)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a column in order: word k is `utf8.data[starts[k]:stops[k]]`; shapes (words,)."""

    column: pa.Array
    utf8: Bytes
    starts: Counts
    stops: Counts

    def lengths(self) -> Counts:
        """Characters of each word, shape (words,)."""
        sizes: Counts = self.stops - self.starts
        if len(sizes) == 0 or is_ascii(self.utf8.data):
            return sizes
        continued = _over_spans((self.utf8.data & 0xC0) == 0x80, self.starts, self.stops, np.add)
        return sizes - continued

    def may_strip(self) -> Mask:
        """Where a word may have special characters at an end, shape (words,)."""
        data = self.utf8.data
        held: Mask = _MAY_BE_SPECIAL[data[self.starts]] | _MAY_BE_SPECIAL[data[self.stops - 1]]
        return held

    def containing(self, literal: bytes) -> Mask:
        """Where a word holds `literal`, which is not empty, shape (words,)."""
        held = np.zeros(len(self.starts), np.bool_)
        if len(held) == 0:
            return held
        places = _places(self.utf8.data, literal)
        words = np.searchsorted(self.starts, places, "right") - 1
        inside = (words >= 0) & (places + len(literal) <= self.stops[words])
        held[words[inside]] = True
        return held

    def strings(self, where: Mask) -> Iterator[str]:
        """The words where `where`, shape (words,), is true."""
        data = self.utf8.data.tobytes()
        for start, stop in zip(self.starts[where].tolist(), self.stops[where].tolist(), strict=True):
            yield data[start:stop].decode()


def words_of(column: pa.Array) -> Words:
    """The words of a large_string column without nulls."""
    utf8 = bytes_of(column)
    inside = np.zeros(
        len(utf8.data) + 2, np.bool_
    )  # one byte more at each end, so that every word has two borders
    inside[1:-1] = True
    for separator in _SEPARATORS:
        inside[1:-1] &= utf8.data != separator
    borders = np.flatnonzero(inside[1:] != inside[:-1])
    rows = np.unique(utf8.offsets[1:-1])  # a word ends with its row
    cut = rows[inside[rows] & inside[rows + 1]]
    borders = np.insert(borders, np.repeat(np.searchsorted(borders, cut), 2), np.repeat(cut, 2))
    return Words(column, utf8, borders[::2], borders[1::2])


def rejoin(words: Words, kept: Mask) -> pa.Array:
    """The texts made of the words that are `kept`, shape (words,), alone: large_string, shape (rows,)."""
    data, offsets = words.utf8.data, words.utf8.offsets
    starts, stops = words.starts[kept], words.stops[kept]
    rows = np.searchsorted(offsets, starts, "right") - 1
    follows = np.flatnonzero(rows[1:] == rows[:-1]) + 1  # kept words that have one before them in their row
    marks = np.zeros(len(data) + 1, np.int8)
    marks[starts] += 1
    marks[stops] -= 1
    bytes_kept = np.cumsum(marks[:-1], dtype=np.int8).astype(np.bool_)
    joints = starts[follows] - 1
    bytes_kept[joints] = True
    if bytes_kept.all():
        return words.column
    out = data.copy()
    if len(follows):
        ranks = _over_spans(_RANK[data], stops[follows - 1], starts[follows], np.maximum)
        out[joints] = _SEPARATORS[ranks]
    return Bytes(out[bytes_kept], offsets_of(row_sums(bytes_kept, offsets))).column()


def _over_spans(values: npt.NDArray[Any], starts: Counts, stops: Counts, ufunc: np.ufunc) -> Counts:
    """A reduction over `values[start:stop]` for spans that hold something and do not overlap."""
    ends = np.stack([starts, stops], axis=1).ravel()
    padded = np.append(values, values[:1])  # a span may reach to the end
    spans: Counts = ufunc.reduceat(padded, ends, dtype=np.int64)[::2]
    return spans


def _places(data: npt.NDArray[np.uint8], literal: bytes) -> Counts:
    """Where `literal` starts in `data`, overlapping ones included."""
    last = max(len(data) - len(literal) + 1, 0)
    places: Counts = np.flatnonzero(data[:last] == literal[0])
    for step, byte in enumerate(literal[1:], 1):
        places = places[data[places + step] == byte]
    return places
