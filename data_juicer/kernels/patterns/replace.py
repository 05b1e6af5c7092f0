"""Single characters replaced by short strings, in the bytes of a column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.kernels.characters.codepoints import Bytes, Counts, bytes_of, positions_of

PYTHON_SPACES: Final = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What `str.strip` takes away."""

_WIDTH_MAX: Final = 3


class Replacer:
    """Replaces characters of at most three UTF-8 bytes by strings that are no longer, in bytes."""

    def __init__(self, replacements: Mapping[str, str]) -> None:
        """Raises: ValueError: a character or its replacement is too long."""
        pairs = sorted((_code(old.encode()), old.encode(), new.encode()) for old, new in replacements.items())
        if any(len(new) > len(old) or len(old) > _WIDTH_MAX for _, old, new in pairs):
            raise ValueError(
                "a replacement may not be longer than its character, and that not than three bytes"
            )
        self._codes = np.array([code for code, _, _ in pairs], np.uint32)
        self._widths = np.array([len(old) for _, old, _ in pairs])
        self._new = np.array([list(new.ljust(_WIDTH_MAX, b"\0")) for _, _, new in pairs], np.uint8)
        self._new_widths = np.array([len(new) for _, _, new in pairs])
        self._leads = np.zeros(256, np.uint8)
        self._leads[[old[0] for _, old, _ in pairs]] = 1

    def column(self, column: pa.Array) -> pa.Array:
        """The column with every such character replaced; the very same one where there is none."""
        utf8 = bytes_of(column)
        positions, which = self._found(utf8.data)
        if not len(positions):
            return column
        data = utf8.data.copy()
        kept = np.ones(len(data), np.bool_)
        widths, new_widths = self._widths[which], self._new_widths[which]
        for distance in range(_WIDTH_MAX):
            written = distance < new_widths
            data[positions[written] + distance] = self._new[which[written], distance]
            kept[positions[(distance < widths) & ~written] + distance] = False
        if kept.all():
            return Bytes(data, utf8.offsets).column()
        return Bytes(data[kept], _shortened(utf8, kept)).column()

    def _found(self, data: npt.NDArray[np.uint8]) -> tuple[Counts, Counts]:
        """Where each such character starts, and its number."""
        positions = positions_of(data, self._leads)
        padded = np.concatenate([data, np.zeros(_WIDTH_MAX, np.uint8)])
        leads = data[positions]
        codes = leads.astype(np.uint32) << 16
        codes |= np.where(leads >= 0xC0, padded[positions + 1], 0).astype(np.uint32) << 8
        codes |= np.where(leads >= 0xE0, padded[positions + 2], 0)
        which = np.searchsorted(self._codes, codes)
        which[which == len(self._codes)] = 0
        found = self._codes[which] == codes
        return positions[found], which[found]


def _code(encoded: bytes) -> int:
    return int.from_bytes(encoded.ljust(_WIDTH_MAX, b"\0"), "big")


def _shortened(utf8: Bytes, kept: npt.NDArray[np.bool_]) -> Counts:
    gone = np.flatnonzero(~kept)
    return utf8.offsets - np.searchsorted(gone, utf8.offsets)
