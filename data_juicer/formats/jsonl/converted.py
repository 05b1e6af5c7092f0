"""Records of other formats as JSON Lines that know where each record is in its source: how copies are cut and read. Pure.

A copy is its JSON Lines and, after them, the places: for each row, little-endian, the bytes from the start of the fragment
to that of the row, then, in formats with lines, the same in lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash

from data_juicer.formats.base import LONG_ROW_BYTES_KEPT, Fragment

if TYPE_CHECKING:
    from data_juicer.formats.base import FragmentLimits, SourceFile

_NARROW: Final = 4
_WIDE: Final = 8


class Record(NamedTuple):
    """A row of another format."""

    line: bytes
    """Its JSON on one line, without the end of the line; of a row that is too long at least what is kept of it."""
    start: int
    """Where it begins in its source, in bytes of what is unpacked."""
    stop: int
    """Where it ends."""
    number: int = 0
    """Its first line, from 1; 0 in formats without lines."""
    size_bytes: int = 0
    """Of its JSON, where that is not as long as `line`."""

    @property
    def json_bytes(self) -> int:
        return self.size_bytes or len(self.line)


class RowPlaces(NamedTuple):
    """Where rows are in their fragment, two arrays of shape (rows,); -1 in formats without lines."""

    bytes_: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]


def cut_records(
    records: Iterable[Record], source: SourceFile, limits: FragmentLimits
) -> Iterator[tuple[Fragment, bytes]]:
    """Fragments, each with its copy. Greedy, so that appended rows change only the last fragment.

    Memory: one fragment, or one row where a row is larger.
    """
    waiting: list[Record] = []
    size = row = 0
    for record in records:
        is_long = 0 < limits.row_bytes_max < record.json_bytes
        length = min(record.json_bytes, len(record.line)) + 1
        if waiting and (is_long or len(waiting) == limits.rows_max or size + length > limits.size_bytes_max):
            yield _cut(waiting, source, row)
            row += len(waiting)
            waiting, size = [], 0
        if is_long:
            yield _cut([record], source, row, long_row_bytes=record.json_bytes)
            row += 1
            continue
        waiting.append(record)
        size += length
    if waiting:
        yield _cut(waiting, source, row)


def _cut(
    records: list[Record], source: SourceFile, row: int, long_row_bytes: int = 0
) -> tuple[Fragment, bytes]:
    first = records[0]
    if long_row_bytes:
        text = first.line[:LONG_ROW_BYTES_KEPT]
    else:
        text = b"\n".join([*(record.line for record in records), b""])
    places = _encode_places(records)
    copy = text + places
    fragment = Fragment(
        source=source.index,
        row_start=row,
        row_stop=row + len(records),
        byte_start=first.start,
        byte_stop=records[-1].stop,
        digest=copy_digest(copy, long_row_bytes),
        line_start=first.number,
        long_row_bytes=long_row_bytes,
        converted_bytes=len(text),
        places_bytes=len(places),
    )
    return fragment, copy


def copy_digest(copy: bytes, long_row_bytes: int) -> str:
    """xxh3-128 in hex of a copy, which holds only the beginning of a row that is too long."""
    return str(xxhash.xxh3_128_hexdigest(copy + str(long_row_bytes).encode() if long_row_bytes else copy))


def _encode_places(records: list[Record]) -> bytes:
    first = records[0]
    columns = [[record.start - first.start for record in records]]
    if first.number:
        columns.append([record.number - first.number for record in records])
    is_wide = columns[0][-1] >= 1 << (8 * _NARROW)
    return np.array(columns, np.dtype("<u8" if is_wide else "<u4")).tobytes()


def decode_places(data: bytes, fragment: Fragment) -> RowPlaces:
    """The places after the JSON Lines of a copy, whose digest was checked."""
    has_lines = fragment.line_start > 0
    width = len(data) // (fragment.rows * (2 if has_lines else 1))
    numbers = np.frombuffer(data, np.dtype("<u8" if width == _WIDE else "<u4")).astype(np.int64)
    if not has_lines:
        return RowPlaces(numbers, np.full(len(numbers), -1, np.int64))
    return RowPlaces(numbers[: fragment.rows], numbers[fragment.rows :])
