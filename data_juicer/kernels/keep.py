"""Texts with only some of their characters left."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.kernels.characters.codepoints import Bytes, Table, bytes_of, offsets_of, row_sums
from data_juicer.kernels.native import loading

_FIRST_BYTES = ((2, 0xC0, 0xE0), (3, 0xE0, 0xF0), (4, 0xF0, 0xF8))
"""For each width in bytes of a character beyond ASCII what its first byte is: from, and less than."""


def keep_characters(column: pa.Array, table: Table) -> pa.Array:
    """The column with only the characters that have a 1 in `table`: large_string, shape (rows,)."""
    utf8 = bytes_of(column)
    if loading.functions is not None:
        data, offsets = np.empty_like(utf8.data), np.empty_like(utf8.offsets)
        size = loading.functions.keep_characters(utf8.data, utf8.offsets, table, data, offsets)
        return column if size == len(data) else Bytes(data[:size].copy(), offsets).column()
    kept = _kept_bytes(utf8.data, table)
    if kept.all():
        return column
    return Bytes(np.compress(kept, utf8.data), offsets_of(row_sums(kept, utf8.offsets))).column()


def _kept_bytes(data: npt.NDArray[np.uint8], table: Table) -> npt.NDArray[np.bool_]:
    """For each byte whether its character is kept, shape (bytes,)."""
    ascii_kept = table[:0x80].tobytes() + bytes(0x80)
    kept = np.frombuffer(bytearray(data.tobytes().translate(ascii_kept)), np.bool_)
    firsts = np.flatnonzero(data >= 0xC0)
    first_bytes = data[firsts]
    for width, low, high in _FIRST_BYTES:
        positions = firsts[(first_bytes >= low) & (first_bytes < high)]
        points = data[positions].astype(np.int32) & (0x7F >> width)
        for step in range(1, width):
            points = points << 6 | data[positions + step] & 0x3F
        positions = positions[table[points] != 0]
        for step in range(width):
            kept[positions + step] = True
    return kept
