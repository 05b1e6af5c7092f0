"""Lower case of a text column, letter by letter on its bytes, equal to Python's `str.lower` of each row."""

from __future__ import annotations

from functools import cache

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from data_juicer.kernels.characters.codepoints import Bytes, Counts, bytes_of
from data_juicer.kernels.native import loading
from data_juicer.kernels.rows import map_rows

Octets = npt.NDArray[np.uint8]


class Capitals(msgspec.Struct, frozen=True):
    """The characters beyond ASCII that have another lower case; shapes (capitals,), by rising code point."""

    points: Counts
    lowered: Counts
    """Code point of the lower case; -1 where it depends on neighbours or has another number of bytes."""
    heads: npt.NDArray[np.bool_]
    """By two bytes as a little-endian number, shape (65536,): whether a capital begins with them."""


@cache
def _capitals() -> Capitals:
    """Costs 0.15 s, so made once a process."""
    letters = [chr(point) for point in range(0x80, 0x110000) if not 0xD800 <= point < 0xE000]
    found = [letter for letter in letters if letter.lower() != letter]
    heads = np.zeros(1 << 16, np.bool_)
    heads[[int.from_bytes(letter.encode()[:2], "little") for letter in found]] = True
    return Capitals(
        np.array([ord(letter) for letter in found]),
        np.array([ord(letter.lower()) if _stands_alone(letter) else -1 for letter in found]),
        heads,
    )


def _stands_alone(letter: str) -> bool:
    return letter != "Σ" and len(letter.lower().encode()) == len(letter.encode()) and len(letter.lower()) == 1


@cache
def _lowered() -> npt.NDArray[np.int32]:
    """The lower case of each code point as in `Capitals`, 0 for a character that stays; to the last capital."""
    capitals = _capitals()
    lowered = np.zeros(int(capitals.points[-1]) + 1, np.int32)
    lowered[capitals.points] = capitals.lowered
    return lowered


def lower(column: pa.Array) -> pa.Array:
    """The column in lower case: large_string, shape (rows,). Arrow's own function differs in some letters."""
    if loading.functions is not None:
        given, rows = bytes_of(column), np.zeros(len(column), np.bool_)
        out = np.empty_like(given.data)
        loading.functions.lower(given.data, given.offsets, _lowered(), out, rows)
        return map_rows(Bytes(out, given.offsets).column(), rows, str.lower)
    lowered = pc.ascii_lower(column)
    utf8 = bytes_of(lowered)
    positions, points = _positions(utf8.data)
    if not len(positions):
        return lowered
    alone = points >= 0
    written = Bytes(_written(utf8.data, positions[alone], points[alone]), utf8.offsets).column()
    rows = np.zeros(len(column), np.bool_)
    rows[np.searchsorted(utf8.offsets, positions[~alone], "right") - 1] = True
    return map_rows(written, rows, str.lower)  # letters around a final sigma are letters in lower case too


def _positions(data: Octets) -> tuple[Counts, Counts]:
    """The first byte of each capital beyond ASCII and the code point of its lower case, -1 where it has no own."""
    capitals = _capitals()
    may_lead = (
        data >= 0xC3
    )  # with which bytes capitals begin; those of CJK, Thai and Hindi are not among them
    may_lead &= (data < 0xE0) | (data >= 0xEF) | (data == 0xE1) | (data == 0xE2) | (data == 0xEA)
    leads = np.flatnonzero(may_lead)
    leads = leads[capitals.heads.take(windows(data, "<u2")[leads])]
    if not len(leads):
        return leads, leads
    points, _ = decoded(np.append(data, np.zeros(3, np.uint8)), leads)
    which = np.minimum(np.searchsorted(capitals.points, points), len(capitals.points) - 1)
    hit = capitals.points[which] == points
    return leads[hit], capitals.lowered[which[hit]]


def _written(data: Octets, positions: Counts, points: Counts) -> Octets:
    """A copy of `data` with other characters, of as many bytes as those that were there."""
    written = data.copy()
    sizes = 2 + (points >= 0x800).astype(np.int64) + (points >= 0x10000)
    for size in (2, 3, 4):
        here, values = positions[sizes == size], points[sizes == size]
        marker = (0xF00 >> size) & 0xFF
        written[here] = marker | (values >> (6 * (size - 1)))
        for step in range(1, size):
            written[here + step] = 0x80 | ((values >> (6 * (size - 1 - step))) & 0x3F)
    return written


def windows(data: Octets, kind: str) -> npt.NDArray[np.unsignedinteger]:
    """The numbers that start at each byte; a view, to be indexed: `take` would copy it whole."""
    size = np.dtype(kind).itemsize
    return np.ndarray((max(len(data) - size + 1, 0),), kind, np.ascontiguousarray(data), strides=(1,))


def decoded(data: Octets, positions: Counts) -> tuple[Counts, Counts]:
    """Code point and bytes of the characters of two to four bytes that start at these positions of UTF-8.

    Three bytes must follow the last place.
    """
    first, second, third, fourth = (data[positions + step].astype(np.int64) & 0x3F for step in range(4))
    lead = data[positions]
    two = ((first & 0x1F) << 6) | second
    three = ((first & 0x0F) << 12) | (second << 6) | third
    four = ((first & 0x07) << 18) | (second << 12) | (third << 6) | fourth
    points = np.where(lead < 0xE0, two, np.where(lead < 0xF0, three, four))
    return points, 2 + (lead >= 0xE0).astype(np.int64) + (lead >= 0xF0)
