"""One file of JSON Lines, scanned by several processes: lines of ranges, fragments from all of them, digests of fragments.

A range is cut at line ends: its lines are those that begin in it. Its survey holds the length of each row, so that the greedy
cut, in which every fragment begins where the one before it ends, costs whoever makes it a few bytes a row and no look at
the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import xxhash

from data_juicer.formats.base import Fragment, SharedScan, check_length, reading_input
from data_juicer.formats.jsonl.lines import BOM, Cut, Cutter, LineIndex, RowLines
from data_juicer.formats.jsonl.scan import CHUNK_BYTES, is_utf8

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from data_juicer.formats.base import FragmentLimits, SourceFile
    from data_juicer.storage.base import Store
    from data_juicer.storage.files import Reader

_SEARCH_BYTES: Final = 1 << 16
"""Read at a time where the end of a line is looked for."""


class _Rows(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Consecutive rows of a survey, as columns of numbers (`_packed`); an empty column holds zeros."""

    count: int
    lengths: bytes
    """Bytes of each row, with its line end."""
    gaps: bytes
    """Bytes of blank lines before each."""
    skips: bytes
    """How many those are."""


class _Survey(msgspec.Struct, frozen=True, array_like=True, gc=False):
    start: int
    """Where the first line of the range begins."""
    stop: int
    """Where the first line after the range begins; the end of the file where there is none."""
    lines: int
    """All of them, blank ones too."""
    rows: list[_Rows]


def survey(store: Store, source: SourceFile, start: int, stop: int) -> bytes:
    """The rows whose lines begin in the bytes [start, stop).

    Memory: one chunk, and a few bytes a row.
    Raises: InputError: the file cannot be read.
    """
    with reading_input(source.path), store.open_read(source.path) as reader:
        first, end = _line_from(reader, start), _line_from(reader, stop)
        index, before = LineIndex(first), (first, 0)
        rows: list[_Rows] = []
        for chunk in reader.chunks(CHUNK_BYTES, first, end):
            before = _add(rows, index.feed(chunk), before)
        ends_open = index.open_start < index.offset
        _add(rows, index.finish(), before)
    lines = index.open_line - 1 + ends_open
    return msgspec.msgpack.encode(_Survey(first, index.offset, lines, rows))


def _line_from(reader: Reader, byte: int) -> int:
    """Where the first line begins that does so at `byte` or later: the end of the file where none does."""
    if byte == 0:
        return len(BOM) if reader.read(0, len(BOM)) == BOM else 0
    start = byte - 1
    while data := reader.read(start, start + _SEARCH_BYTES):
        found = data.find(b"\n")
        if found >= 0:
            return start + found + 1
        start += len(data)
    return max(start, 0)


def _add(rows: list[_Rows], found: RowLines, before: tuple[int, int]) -> tuple[int, int]:
    """Add rows that follow each other. `before`, and what is returned: where the last row ended, and the number of its line."""
    if not len(found.starts):
        return before
    stop, number = before
    gaps = found.starts - np.concatenate(([stop], found.stops[:-1]))
    skips = found.numbers - np.concatenate(([number], found.numbers[:-1])) - 1
    rows.append(_Rows(len(gaps), _packed(found.stops - found.starts), _packed(gaps), _packed(skips)))
    return int(found.stops[-1]), int(found.numbers[-1])


def _packed(numbers: npt.NDArray[np.int64]) -> bytes:
    """In as few bytes each as the largest one needs, after a byte that says how many those are."""
    largest = int(numbers.max())
    if not largest:
        return b""
    width = next(width for width in (1, 2, 4, 8) if largest < 1 << (8 * width))
    return bytes([width]) + numbers.astype(f"<u{width}").tobytes()


def _unpacked(data: bytes, count: int) -> npt.NDArray[np.int64]:
    if not data:
        return np.zeros(count, np.int64)
    return np.frombuffer(data, f"<u{data[0]}", offset=1).astype(np.int64)


class LineOutline:
    """See `formats.base.Outline`."""

    def __init__(self, store: Store, source: SourceFile, limits: FragmentLimits) -> None:
        self._source = source
        self._limits = limits
        self._cutter: Cutter | None = None
        self._stop = self._byte_start = self._row_start = 0
        self._line_start = 1
        self._lines = 0
        """Of all surveys before."""

    def add(self, survey: bytes) -> list[Fragment]:
        decoded = msgspec.msgpack.decode(survey, type=_Survey)
        if self._cutter is None:
            self._cutter = Cutter(self._limits, decoded.start)
            self._byte_start = decoded.start
        stop, line, cuts = decoded.start, self._lines, list[Cut]()
        for rows in decoded.rows:
            gaps, lengths = _unpacked(rows.gaps, rows.count), _unpacked(rows.lengths, rows.count)
            stops = stop + np.cumsum(gaps + lengths)
            numbers = line + np.cumsum(_unpacked(rows.skips, rows.count) + 1)
            cuts += self._cutter.add(RowLines(stops - lengths, stops, numbers))
            stop, line = int(stops[-1]), int(numbers[-1])
        self._lines += decoded.lines
        self._stop = decoded.stop
        return [self._fragment(cut) for cut in cuts]

    def finish(self) -> list[Fragment]:
        if self._cutter is None or not self._cutter.rows:
            return []
        return [self._fragment(self._cutter.cut(self._stop, 0))]

    def _fragment(self, cut: Cut) -> Fragment:
        fragment = Fragment(
            source=self._source.index,
            row_start=self._row_start,
            row_stop=self._row_start + cut.rows_before,
            byte_start=self._byte_start,
            byte_stop=cut.byte,
            digest="",
            line_start=self._line_start,
        )
        self._byte_start, self._row_start, self._line_start = cut.byte, fragment.row_stop, cut.line
        return fragment


def digests(store: Store, source: SourceFile, fragments: Sequence[Fragment]) -> list[str]:
    """The digests of outlined fragments, each of which begins where the one before it ends.

    Raises: InputError: the file cannot be read, or ends before one of them does.
    """
    if not fragments:
        return []
    at, stop = fragments[0].byte_start, fragments[-1].byte_stop
    found: list[str] = []
    state = xxhash.xxh3_128()
    with reading_input(source.path), store.open_read(source.path) as reader:
        for chunk in reader.chunks(CHUNK_BYTES, at, stop):
            view = memoryview(chunk)
            while view:
                count = min(len(view), fragments[len(found)].byte_stop - at)
                state.update(view[:count])
                at, view = at + count, view[count:]
                if at == fragments[len(found)].byte_stop:
                    found.append(state.hexdigest())
                    state.reset()
    check_length(source.path, at, stop, b"")
    return found


SHARED: Final = SharedScan(applies=is_utf8, survey=survey, outline=LineOutline, digest=digests)
