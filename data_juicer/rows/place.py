"""Where a row is among the rows that are read together. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """Where a row is in its fragment, so that it stays true when the fragment moves within its source.

    `formats.places.resolve` gives the place in the source.
    """

    row: int
    """From 0, among all rows of the fragment, those that could not be read included."""
    line: int = -1
    """Lines after the first line of the fragment; -1 in formats without lines."""
    byte: int = -1
    """Bytes after the first byte of the fragment; -1 in formats whose rows have no bytes of their own."""
