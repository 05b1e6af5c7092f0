"""Columns of text from JSON strings and back, a column at a time: the texts stay UTF-8 and never become Python strings. Pure.

0xFF occurs in no UTF-8, so it marks what is to be cut out, and where one text ends and the next begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from data_juicer.kernels.characters.codepoints import Bytes, offsets_of

_ENCODE: Final = msgspec.json.Encoder().encode
_DECODE: Final = msgspec.json.Decoder(str).decode

_MARK: Final = b"\xff"
_BACKSLASH, _LETTER_U = b"\\u"

_MEANT: Final = np.frombuffer(bytes(range(256)).translate(bytes.maketrans(b"bfnrt", b"\b\f\n\r\t")), np.uint8)
"""What the byte after a backslash stands for, of all escapes but by number."""

_USUAL: Final = [(plain, _ENCODE(plain.decode())[1:-1]) for plain in (b"\\", b'"')]
"""Bytes that JSON strings escape; the backslash first, since the others bring in more of them."""
_CONTROLS_MAX: Final = 32
_BLANKS: Final = [(plain, _ENCODE(plain.decode())[1:-1]) for plain in (b"\n", b"\t", b"\r")]
_OTHER_CONTROLS: Final = [
    (bytes([byte]), _ENCODE(chr(byte))[1:-1]) for byte in range(_CONTROLS_MAX) if byte not in b"\n\t\r"
]


def decode_strings(raws: Sequence[memoryview]) -> pa.Array:
    r"""JSON strings as texts: large_string, shape (strings,).

    Args:
        raws: with their quotes, valid and UTF-8, as a JSON parser has found them.
    Raises: msgspec.DecodeError: a \u escape names half a surrogate pair.
    """
    offsets = offsets_of(np.fromiter(map(len, raws), np.int64, len(raws)))
    joined = bytearray().join(raws)
    data = np.frombuffer(joined, np.uint8)
    escapes = _escapes(data)
    kinds = data[escapes + 1]
    by_number = escapes[kinds == _LETTER_U]
    if len(by_number):
        return _decode_with_numbers(raws, np.searchsorted(offsets, by_number, "right") - 1)
    data[escapes + 1] = _MEANT[kinds]
    data[escapes] = _MARK[0]
    data[offsets[:-1]] = _MARK[0]
    data[offsets[1:] - 1] = _MARK[0]
    left = offsets - 2 * np.arange(len(offsets)) - np.searchsorted(escapes, offsets)
    return Bytes(np.frombuffer(joined.translate(None, _MARK), np.uint8), left).column()


def text_array(texts: Sequence[str]) -> pa.Array:
    """Strings as large_string. `pa.array` takes five times as long where they are not ASCII."""
    encoded = [text.encode() for text in texts]
    offsets = offsets_of(np.fromiter(map(len, encoded), np.int64, len(encoded)))
    return Bytes(np.frombuffer(b"".join(encoded), np.uint8), offsets).column()


def encode_strings(column: pa.Array) -> list[bytes]:
    """Each text of a large_string column without nulls as a JSON string, with its quotes."""
    if not len(column):
        return []
    joined = _MARK.join(column.cast(pa.large_binary()).to_pylist())
    controls = int(np.count_nonzero(np.frombuffer(joined, np.uint8) < _CONTROLS_MAX))
    for plain, escaped in _USUAL:
        joined = joined.replace(plain, escaped)
    before = len(joined)
    for plain, escaped in _BLANKS:  # each makes one byte two
        joined = joined.replace(plain, escaped)
    if len(joined) - before < controls:
        for plain, escaped in _OTHER_CONTROLS:
            joined = joined.replace(plain, escaped)
    return (b'"' + joined.replace(_MARK, b'"\xff"') + b'"').split(_MARK)


def _escapes(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """Where escapes begin: at every other backslash of a run of them."""
    positions = np.flatnonzero(data == _BACKSLASH)
    is_first = np.diff(positions, prepend=-2) != 1
    if is_first.all():
        return positions
    numbers = np.arange(len(positions))
    within = numbers - np.maximum.accumulate(np.where(is_first, numbers, 0))
    escapes: npt.NDArray[np.intp] = positions[within % 2 == 0]
    return escapes


def _decode_with_numbers(raws: Sequence[memoryview], rows: npt.NDArray[np.intp]) -> pa.Array:
    """`decode_strings` where these rows, one or more, hold escapes by number: they go through Python strings."""
    is_apart = np.zeros(len(raws), np.bool_)
    is_apart[rows] = True
    apart = text_array([_DECODE(raws[row]) for row in np.flatnonzero(is_apart).tolist()])
    if is_apart.all():
        return apart
    nothing = memoryview(b'""')
    others = decode_strings(
        [nothing if apart_ else raw for raw, apart_ in zip(raws, is_apart.tolist(), strict=True)]
    )
    return pc.replace_with_mask(others, pa.array(is_apart), apart)
