"""Texts with only some of their characters left."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from data_juicer.ops.text.codepoints import Bytes, Table, bytes_of, is_ascii, offsets_of, row_sums


def keep_characters(column: pa.Array, table: Table) -> pa.Array:
    """The column with only the characters that have a 1 in `table`: large_string, shape (rows,)."""
    utf8 = bytes_of(column)
    kept = table.astype(np.bool_).take(utf8.data) if is_ascii(utf8.data) else _kept_bytes(utf8, table)
    if kept.all():
        return column
    return Bytes(utf8.data[kept], offsets_of(row_sums(kept, utf8.offsets))).column()


def _kept_bytes(utf8: Bytes, table: Table) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """For each byte whether its character is kept, shape (bytes,)."""
    points = np.frombuffer(utf8.data.tobytes().decode().encode("utf-32-le"), np.uint32)
    starts = np.flatnonzero((utf8.data & 0xC0) != 0x80)
    widths = np.diff(starts, append=len(utf8.data))
    kept: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.repeat(table.take(points).astype(np.bool_), widths)
    return kept
