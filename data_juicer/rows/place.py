"""Where a row is among the rows that are read together. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """Where a row is in its partition, so that it stays true when the fragments of the partition move within their sources.

    `formats.places.locate` gives the source and the place in it.
    """

    row: int
    """From 0, among all rows of the partition, those that could not be read included."""
    line: int = -1
    """Lines after the first line of the fragment that has the row; -1 in formats without lines."""
    byte: int = -1
    """Bytes after the first byte of that fragment; -1 in formats whose rows have no bytes of their own."""
