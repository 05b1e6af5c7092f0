"""Rows of several fragments that are read as one partition: many small files (`plan/scan/joining.py`). Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import cast

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.formats.base import ReadRows
from data_juicer.formats.jsonl.read import JsonlRows
from data_juicer.rows.batch import Batch
from data_juicer.rows.place import Place


def join_rows(parts: Sequence[ReadRows]) -> ReadRows:
    """The rows of fragments, one after the other.

    Args:
        parts: of formats whose rows are `JsonlRows`.
    """
    firsts = [0, *accumulate(part.rows_in for part in parts)]
    source = JoinedRows([cast("JsonlRows", part.batch.source) for part in parts], firsts)
    bad = tuple(
        msgspec.structs.replace(row, place=_moved(row.place, first))
        for part, first in zip(parts, firsts, strict=False)
        for row in part.bad
    )
    return ReadRows(batch=Batch.of(source, len(source)), bad=bad, rows_in=firsts[-1])


def _moved(place: Place, first: int) -> Place:
    return place._replace(row=first + place.row)


class JoinedRows(JsonlRows):
    """The good rows of several fragments. A `RowSource`."""

    def __init__(self, parts: Sequence[JsonlRows], firsts: Sequence[int]) -> None:
        """
        Args:
            firsts: the number of the first row of each fragment among all rows, and that of all rows.
        """
        self._parts = parts
        self._firsts = firsts
        self._stops = list(accumulate(len(part) for part in parts))
        self._bytes = b"".join(part.data for part in parts)
        self.data = memoryview(self._bytes)
        offsets = [0, *accumulate(len(part.data) for part in parts)]
        placed = list(zip(offsets, parts, strict=False))
        self.starts = [offset + start for offset, part in placed for start in part.starts]
        self.stops = [offset + stop for offset, part in placed for stop in part.stops]
        self._texts = {}
        self._fields = {}

    def text(self, key: str) -> pa.Array:
        if key not in self._texts:
            self._texts[key] = pa.concat_arrays([part.text(key) for part in self._parts])
        return self._texts[key]

    def field(self, key: str) -> pa.Array:
        if key not in self._fields:
            self._fields[key] = pa.concat_arrays([part.field(key) for part in self._parts])
        return self._fields[key]

    def row_ids(self) -> npt.NDArray[np.uint64]:
        return np.concatenate([part.row_ids() for part in self._parts])

    def numbers(self) -> npt.NDArray[np.int64]:
        parts = zip(self._firsts, self._parts, strict=False)
        return np.concatenate([first + part.numbers() for first, part in parts])

    def place(self, origin: int) -> Place:
        number = bisect_right(self._stops, origin)
        before = self._stops[number - 1] if number else 0
        return _moved(self._parts[number].place(origin - before), self._firsts[number])
