"""Characters at byte positions of UTF-8: what they are, where the ones beside them start. All for many places at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from data_juicer.kernels.characters.codepoints import Counts, Table, positions_of

Data = npt.NDArray[np.uint8]


def widths(data: Data, positions: Counts) -> Counts:
    """Bytes of the character that starts at each place."""
    lead = data[positions]
    return 1 + (lead >= 0xC0).astype(np.int64) + (lead >= 0xE0) + (lead >= 0xF0)


def points_at(data: Data, positions: Counts) -> npt.NDArray[np.uint32]:
    """The code point that starts at each place; `data` is valid UTF-8 and whole characters."""
    lead = data[positions]
    points = lead.astype(np.uint32)
    for width, first in ((2, 0xC0), (3, 0xE0), (4, 0xF0)):
        of_width = np.flatnonzero((lead >= first) & (lead < 0x100 - (0x80 >> width)))
        found = points[of_width] & (0x7F >> width)
        for step in range(1, width):
            found = (found << 6) | (data[positions[of_width] + step] & 0x3F)
        points[of_width] = found
    return points


def before(data: Data, positions: Counts) -> Counts:
    """Where the character before each place starts; the place itself at the start of the data."""
    previous = np.maximum(positions - 1, 0)
    for _ in range(3):
        inside = (data[previous] & 0xC0) == 0x80
        if not inside.any():
            break
        previous -= inside
    return previous


def after(data: Data, positions: Counts) -> Counts:
    """Where the character after each one starts; the place itself at the end of the data."""
    following = positions + widths(data, positions)
    return np.where(following < len(data), following, positions)


class Finder:
    """Finds the characters of a set in UTF-8, most of all where they are few."""

    def __init__(self, wanted: Table) -> None:
        """Args: wanted: 1 for each code point to find."""
        points = np.flatnonzero(wanted)
        self._wanted = wanted
        self._leads = np.isin(np.arange(0x100), _leads(points)).astype(np.uint8)

    def positions(self, data: Data) -> tuple[Counts, npt.NDArray[np.uint32]]:
        """Where they start, in order, and their code points."""
        positions = positions_of(data, self._leads)
        points = points_at(data, positions)
        is_wanted = self._wanted[points].view(np.bool_)
        return positions[is_wanted], points[is_wanted]


def _leads(points: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The first byte of each code point's UTF-8."""
    return np.select(
        [points < 0x80, points < 0x800, points < 0x10000],
        [points, 0xC0 | points >> 6, 0xE0 | points >> 12],
        0xF0 | points >> 18,
    )
