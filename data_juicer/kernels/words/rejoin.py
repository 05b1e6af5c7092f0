"""Words between spaces, tabs and line feeds, and texts put together again from some of them.

Where words are put together, what is between two of them becomes one character: a line feed if there was one
in between, else a tab if there was one, else a space.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.kernels.characters.codepoints import Bytes, Counts, bytes_of, is_ascii, offsets_of, row_sums
from data_juicer.kernels.characters.special_characters import SPECIAL_CHARACTERS

Mask = npt.NDArray[np.bool_]

_SPACE, _TAB, _LINE_FEED = b" \t\n"
_IS_WORD: Final = bytes(byte not in b" \t\n" for byte in range(256))

_SPECIAL: Final = "".join(sorted(SPECIAL_CHARACTERS))
# Bytes with which a word may start or end that has special characters there.
_MAY_BE_SPECIAL: Final = np.arange(256) >= 0x80
_MAY_BE_SPECIAL[[ord(character) for character in _SPECIAL if ord(character) < 0x80]] = True


def strip_special(word: str) -> str:
    """A word without the special characters at its ends."""
    return word.strip(_SPECIAL)


class Words(msgspec.Struct, frozen=True):
    """The words of a column in order: word k is `utf8.data[starts[k]:stops[k]]`; shapes (words,)."""

    column: pa.Array
    utf8: Bytes
    inside: Mask
    """For each byte whether it is of a word, shape (bytes,)."""
    starts: Counts
    stops: Counts

    def length_between(self, least: int, most: int) -> tuple[Mask, Mask]:
        """Where a word has at least `least` and at most `most` characters, and where it has more; shapes (words,)."""
        sizes = self.stops - self.starts
        if len(sizes) and not is_ascii(self.utf8.data):
            fewest = (
                sizes + 3
            ) // 4  # a character has one to four bytes, so that most words need no counting
            unsure = np.flatnonzero((sizes > most) & (fewest <= most) | (sizes >= least) & (fewest < least))
            continued = np.flatnonzero((self.utf8.data & 0xC0) == 0x80)
            sizes[unsure] -= _inside(continued, self.starts[unsure], self.stops[unsure])
        return (sizes >= least) & (sizes <= most), sizes > most

    def may_strip(self) -> Mask:
        """Where a word may have special characters at an end, shape (words,)."""
        data = self.utf8.data
        is_special: Mask = _MAY_BE_SPECIAL[data[self.starts]] | _MAY_BE_SPECIAL[data[self.stops - 1]]
        return is_special

    def containing(self, literal: bytes) -> Mask:
        """Where a word holds `literal`, which is not empty, shape (words,)."""
        contains = np.zeros(len(self.starts), np.bool_)
        if len(contains) == 0:
            return contains
        positions = _positions(self.utf8.data, literal)
        words = np.searchsorted(self.starts, positions, "right") - 1
        inside = (words >= 0) & (positions + len(literal) <= self.stops[words])
        contains[words[inside]] = True
        return contains

    def strings(self, where: Mask) -> Iterator[str]:
        """The words where `where`, shape (words,), is true."""
        data = self.utf8.data.tobytes()
        for start, stop in zip(self.starts[where].tolist(), self.stops[where].tolist(), strict=True):
            yield data[start:stop].decode()


def words_of(column: pa.Array) -> Words:
    """The words of a large_string column without nulls."""
    utf8 = bytes_of(column)
    inside = np.frombuffer(utf8.data.tobytes().translate(_IS_WORD), np.bool_)
    first, last = inside.copy(), inside.copy()
    np.greater(inside[1:], inside[:-1], out=first[1:])
    np.greater(inside[:-1], inside[1:], out=last[:-1])
    filled = utf8.offsets[:-1] < utf8.offsets[1:]
    heads, tails = utf8.offsets[:-1][filled], utf8.offsets[1:][filled] - 1
    first[heads] = inside[heads]  # a word ends with its row
    last[tails] = inside[tails]
    return Words(column, utf8, inside, np.flatnonzero(first), np.flatnonzero(last) + 1)


def rejoin(words: Words, kept: Mask) -> pa.Array:
    """The texts made of the words that are `kept`, shape (words,), alone: large_string, shape (rows,)."""
    data, offsets = words.utf8.data, words.utf8.offsets
    starts, stops = words.starts[kept], words.stops[kept]
    follows = np.ones(len(starts), np.bool_)  # a word that has one before it in its row
    heads = np.searchsorted(starts, offsets[:-1])
    follows[heads[heads < len(starts)]] = False
    joints = starts[follows] - 1
    bytes_kept = _bytes_of(words, starts, stops)
    bytes_kept[joints] = True
    if bytes_kept.all():
        return words.column
    out = data.copy()
    left_stops = stops[np.flatnonzero(follows) - 1]
    wide = np.flatnonzero(joints > left_stops)  # more than one byte between two words
    if len(wide):
        out[joints[wide]] = _strongest(data, left_stops[wide], joints[wide] + 1)
    return Bytes(np.compress(bytes_kept, out), offsets_of(row_sums(bytes_kept, offsets))).column()


def _bytes_of(words: Words, starts: Counts, stops: Counts) -> Mask:
    """For each byte whether it is of one of these words of `words`, shape (bytes,)."""
    if len(starts) == len(words.starts):
        return words.inside.copy()
    marks = np.zeros(len(words.inside) + 1, np.int8)
    marks[starts] += 1
    marks[stops] -= 1
    return np.cumsum(marks[:-1], dtype=np.int8).view(np.bool_)


def _strongest(data: npt.NDArray[np.uint8], starts: Counts, stops: Counts) -> npt.NDArray[np.uint8]:
    """For each span of `data` a line feed if it holds one, else a tab if it holds one, else a space."""
    holds = [_inside(np.flatnonzero(data == byte), starts, stops) > 0 for byte in (_LINE_FEED, _TAB)]
    return np.select(holds, [np.uint8(_LINE_FEED), np.uint8(_TAB)], np.uint8(_SPACE))


def _inside(positions: Counts, starts: Counts, stops: Counts) -> Counts:
    """How many of these positions, which are in order, are in each span."""
    counts: Counts = np.searchsorted(positions, stops) - np.searchsorted(positions, starts)
    return counts


def _positions(data: npt.NDArray[np.uint8], literal: bytes) -> Counts:
    """Where `literal` starts in `data`, overlapping ones included."""
    last = max(len(data) - len(literal) + 1, 0)
    positions: Counts = np.flatnonzero(data[:last] == literal[0])
    for step, byte in enumerate(literal[1:], 1):
        positions = positions[data[positions + step] == byte]
    return positions
