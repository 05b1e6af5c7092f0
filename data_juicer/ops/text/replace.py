"""Characters replaced by others, through tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.ops.batch import Mask
from data_juicer.ops.text.codepoints import (
    CODE_POINTS,
    Points,
    Table,
    bytes_of,
    offsets_of,
    points_of,
    row_sums,
)
from data_juicer.ops.text.rows import map_part

PYTHON_SPACES: Final = "".join(chr(point) for point in range(0x3001) if chr(point).isspace())
"""What `str.strip` takes away."""


class Replacer:
    """Replaces single characters by strings of one or more characters."""

    def __init__(self, replacements: Mapping[str, str]) -> None:
        self._width: Table = np.ones(CODE_POINTS, np.uint8)
        self._first: npt.NDArray[np.uint32] = np.arange(CODE_POINTS, dtype=np.uint32)
        self._tails = {ord(old): new[1:] for old, new in replacements.items() if len(new) > 1}
        for old, new in replacements.items():
            self._width[ord(old)] = len(new)
            self._first[ord(old)] = ord(new[0])
        self._wanted = np.zeros(CODE_POINTS, np.bool_)
        self._wanted[[ord(old) for old in replacements]] = True
        self._ascii = bool(self._wanted[:0x80].any())

    def column(self, column: pa.Array) -> pa.Array:
        """The column with every replaced character replaced: large_string, shape (rows,)."""
        return map_part(column, self.needed(column), self._replaced)

    def needed(self, column: pa.Array) -> Mask:
        """Rows that may hold such a character: those with bytes that can begin one."""
        utf8 = bytes_of(column)
        if self._ascii:
            return np.ones(len(column), np.bool_)
        return row_sums(utf8.data >= 0x80, utf8.offsets) > 0

    def _replaced(self, column: pa.Array) -> pa.Array:
        held = points_of(column)
        if not self._wanted.take(held.points).any():
            return column
        points, offsets = self._first.take(held.points), held.offsets
        if self._tails:
            widths = self._width.take(held.points)
            ends = offsets_of(widths.astype(np.int64))
            points, offsets = np.repeat(points, widths), ends[offsets]
            for old, tail in self._tails.items():
                places = ends[:-1][held.points == old]
                for distance, character in enumerate(tail, 1):
                    points[places + distance] = ord(character)
        return Points(points, offsets).column()
