"""A log followed while its job runs: what is new since the last look, and what all events come to.

The reader holds no file open and takes no lock. It finds its place again by the last line that it has read, so that it goes on
after a rotation, and after a writer cut a torn end off. Where lines were dropped before it came to read them
(`backup_count` is small, or nobody looked for long), the snapshot at the head of the oldest file that is left stands for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from data_juicer.events.codec import decode_line, find_header
from data_juicer.events.file import (
    lines_backward,
    lines_from,
    read_range,
    rotated_numbers,
    size_or_zero,
)
from data_juicer.events.history import read_history
from data_juicer.events.snapshot import find_snapshot
from data_juicer.events.view import JobView
from data_juicer.job.layout import rotated

if TYPE_CHECKING:
    from data_juicer.events import types as t
    from data_juicer.job.layout import JobLayout
    from data_juicer.storage.base import Store

_TRIES_MAX: Final = 5
_BEGIN_BYTES: Final = 64


class LogTail:
    """Follows the log of one job. Nothing is read before the first `poll`."""

    def __init__(self, store: Store, layout: JobLayout) -> None:
        self._store = store
        self._layout = layout
        self._path = layout.events_jsonl
        self._place = 0
        """Where the next line of the current file begins."""
        self._last = b""
        """The line that ends there; empty before the first one was read."""
        self._seq = 0
        self._run = 0
        self.view = JobView()
        """What all events up to the last `poll` come to."""

    def skip_to_end(self) -> None:
        """Take what was written so far as read: `view` holds it, and `poll` gives what comes after it. Raises: StoreError."""
        for start, line in lines_backward(self._store, self._path):
            if find_header(line) is not None:
                self._last, self._place = line, start + len(line)
                break
        self.view, self._seq = read_history(self._store, self._layout)
        self._run = self.view.runs

    def poll(self) -> list[t.Record]:
        """The events that were written since the last call, in order. Raises: StoreError."""
        for _ in range(_TRIES_MAX):
            begin = self._begin_of_file()
            place, lines = self._read_unread()
            if (
                self._begin_of_file() == begin
            ):  # else it was rotated meanwhile: which file is which is not certain
                self._place = place
                self._last = lines[-1] + b"\n" if lines else self._last if place else b""
                return self._apply(lines)
        return []

    def _begin_of_file(self) -> bytes:
        """No two files of a log begin alike: the first line has a number."""
        return read_range(self._store, self._path, 0, _BEGIN_BYTES)

    def _read_unread(self) -> tuple[int, list[bytes]]:
        """The whole lines that were not read yet, and where the next one begins in the current file."""
        place, lines = 0, []
        for number, start in self._unread():
            place = start
            for line in lines_from(self._store, rotated(self._path, number), start):
                lines.append(line)
                place += len(line) + 1
        return place, lines

    def _apply(self, lines: list[bytes]) -> list[t.Record]:
        records: list[t.Record] = []
        for line in lines:
            self._take(line, records)
        return records

    def _unread(self) -> list[tuple[int, int]]:
        """The files that hold something new, the oldest first, each with the byte to read from."""
        if self._ends_here(0):
            return [(0, self._place)]
        numbers = rotated_numbers(self._store, self._path)
        for number in numbers if self._last else []:
            if self._ends_here(number):
                younger = [(other, 0) for other in reversed(numbers) if other < number]
                return [(number, self._place), *younger, (0, 0)]
        return [*((number, 0) for number in reversed(numbers)), (0, 0)]

    def _ends_here(self, number: int) -> bool:
        """Whether the last line that was read ends in this file where it did."""
        path, start = rotated(self._path, number), self._place - len(self._last)
        if not self._last or size_or_zero(self._store, path) < self._place:
            return False
        return bool(read_range(self._store, path, start, self._place) == self._last)

    def _take(self, line: bytes, records: list[t.Record]) -> None:
        """Apply a line that is new; lines that were read before a file was found again are passed over."""
        snapshot = find_snapshot(line)
        if snapshot is not None:
            if self._is_new(snapshot.run, snapshot.seq):  # what it stands for is gone
                self.view = snapshot.data
                self._run, self._seq = snapshot.run, snapshot.seq
            return
        record = decode_line(line)
        if record is not None and self._is_new(record.run, record.seq):
            self._run, self._seq = record.run, record.seq
            self.view.apply(record)
            records.append(record)

    def _is_new(self, run: int, seq: int) -> bool:
        return run > self._run or (run == self._run and seq > self._seq)
