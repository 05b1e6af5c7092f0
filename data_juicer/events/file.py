"""A log file of whole lines that is rotated: `log`, `log.1` the youngest before it, `log.2` ...

A disk that is full or gone does not stop a job because of its log: what could not be written is counted by the caller,
and the next append tries again after the last whole line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from data_juicer.errors import StoreError
from data_juicer.job.layout import rotated
from data_juicer.storage.base import Store
from data_juicer.storage.capabilities import AppendLog

CHUNK_BYTES: Final = 1 << 20
"""So much of a log is in memory at once, however large it is; or one line, where that is longer."""

_TRIES_MAX: Final = 5


class Tail(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a log as `RotatingFile.cut` left it."""

    line: bytes | None
    cut_bytes: int


class RotatingFile:
    """One writer appends whole lines."""

    def __init__(self, store: Store, path: str, size_bytes_max: int, backup_count: int) -> None:
        """
        Args:
            size_bytes_max: a file that would grow over it is rotated first; a head and a single append may be larger.
            backup_count: rotated files that are kept beside the current one.
        """
        self._store = store
        self._log = _log_of(store, path)
        self._path = path
        self._size_bytes_max = size_bytes_max
        self._backup_count = backup_count
        self._size_bytes: int | None = None
        """Bytes of whole lines; None until known."""
        self._head = b""
        """Lines that are to be before all others in a file that was just rotated and holds nothing yet."""
        self._head_bytes = 0
        """How much of the current file is its head."""
        self._is_torn = False
        self._is_first = True
        """Whether nothing was appended yet."""

    @property
    def wait_s(self) -> float:
        """How old a line may grow before it is appended."""
        return self._log.wait_s

    def cut(self, is_good: Callable[[bytes], bool]) -> Tail:
        """Cut off everything after the last good line; where there is none, older files are searched for one.

        Raises: StoreError.
        """
        size_bytes = size_or_zero(self._store, self._path)
        line, end = _last_good_line(self._store, self._path, is_good)
        if end < size_bytes:
            self._log.truncate(self._path, end)
        self._size_bytes = end
        for number in [] if line else rotated_numbers(self._store, self._path):
            line, _ = _last_good_line(self._store, rotated(self._path, number), is_good)
            if line:
                break
        return Tail(line=line, cut_bytes=size_bytes - end)

    def has_grown(self) -> bool:
        """Whether somebody else has appended to the file since `cut`."""
        return size_or_zero(self._store, self._path) > self._known_size()

    @property
    def room_bytes(self) -> int:
        """So many bytes fit in any case; `is_full` tells of more."""
        return 0 if self._size_bytes is None else self._size_bytes_max - self._size_bytes - len(self._head)

    def is_full(self, more_bytes: int) -> bool:
        """Whether the file holds lines after its head and would grow over its bound with so many bytes more."""
        size_bytes = self._known_size() if self._size_bytes is None else self._size_bytes
        present_bytes = size_bytes + len(self._head)
        if present_bytes + more_bytes <= self._size_bytes_max:
            return False
        return present_bytes > max(self._head_bytes, len(self._head))

    def append(self, lines: bytes) -> None:
        """Add lines at the end; rotates first where they do not fit.

        Raises: StoreError: nothing counts as written; a part may be on disk and is cut off by the next append.
        """
        if self.is_full(len(lines)):
            self.rotate()
        size_bytes = self._known_size()
        if self._is_torn and size_or_zero(self._store, self._path) > size_bytes:
            self._log.truncate(self._path, size_bytes)
        self._is_torn = False
        head = self._head
        try:
            self._log.append(self._path, head + lines)
            if self._is_first:
                self._take_out_others(size_bytes, head + lines)
        except StoreError:
            self._is_torn = True
            raise
        if head:
            self._head, self._head_bytes = b"", len(head)
        self._size_bytes = size_bytes + len(head) + len(lines)

    def _take_out_others(self, size_bytes: int, lines: bytes) -> None:
        """Let the first lines stand right after those that were there: a driver that was taken for dead appended its last ones."""
        self._is_first = False
        for _ in range(_TRIES_MAX):
            if size_or_zero(self._store, self._path) == size_bytes + len(lines):
                break
            self._log.truncate(self._path, size_bytes)
            self._log.append(self._path, lines)

    def rotate(self, head: bytes = b"") -> None:
        """Go on in an empty file, whose first lines are `head`. Oldest first, so that a crash leaves every line in some file.

        Raises: StoreError.
        """
        if self._known_size():
            self._log.flush(self._path)
            if self._backup_count == 0:
                self._store.remove(self._path)
            for number in range(self._backup_count, 0, -1):
                younger = rotated(self._path, number - 1)
                if self._store.exists(younger):
                    self._log.rotate(younger, rotated(self._path, number))
        self._size_bytes = self._head_bytes = 0
        self._head = head

    def sync(self) -> None:
        """Make the lines and the names of the files durable. Raises: StoreError."""
        if self._size_bytes:
            self._log.flush(self._path)

    def _known_size(self) -> int:
        if self._size_bytes is None:
            self._store.make_own_dir(os.path.dirname(self._path))
            self._size_bytes = size_or_zero(self._store, self._path)
        return self._size_bytes


def _log_of(store: Store, path: str) -> AppendLog:
    """Raises: StoreError: files of this store cannot grow."""
    logs = store.at(path).logs
    if logs is None:
        raise StoreError(f"{path}: files cannot be appended to there; set event_log_dir to a directory.")
    return logs


def size_or_zero(store: Store, path: str) -> int:
    """The size of a file in bytes; 0 where there is none."""
    try:
        return store.stat(path).size_bytes
    except FileNotFoundError:
        return 0


def rotated_numbers(store: Store, path: str) -> list[int]:
    """The numbers of the rotated files of a log, the youngest first."""
    prefix = f"{os.path.basename(path)}."
    numbers = (
        name.removeprefix(prefix) for name in store.list(os.path.dirname(path)) if name.startswith(prefix)
    )
    return sorted(int(number) for number in numbers if number.isascii() and number.isdigit())


def read_lines(store: Store, path: str) -> Iterator[bytes]:
    """Every whole line of a log, the oldest file first. Raises: StoreError."""
    for number in [*reversed(rotated_numbers(store, path)), 0]:
        yield from lines_from(store, rotated(path, number), 0)


def lines_from(store: Store, path: str, start: int) -> Iterator[bytes]:
    """The whole lines of one file from the byte `start` on, without their ends; none where there is no file."""
    rest, place = b"", start
    while chunk := read_range(store, path, place, place + CHUNK_BYTES):
        place += len(chunk)
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def lines_backward(store: Store, path: str) -> Iterator[tuple[int, bytes]]:
    """The whole lines of one file, the last one first: where each begins, and the line with its end."""
    place, rest = size_or_zero(store, path), b""
    is_last = True
    while place:
        start = max(0, place - CHUNK_BYTES)
        data = read_range(store, path, start, place) + rest
        if is_last:  # what follows the last end of a line is torn
            data = data[: data.rfind(b"\n") + 1]
            is_last = not data
        end = len(data)
        while end:
            begin = data.rfind(b"\n", 0, end - 1) + 1
            if begin == 0 and start:
                break
            yield start + begin, data[begin:end]
            end = begin
        place, rest = start, data[:end]


def find_last_mention(store: Store, path: str, word: bytes) -> bool:
    """Whether a file holds these bytes, looking from its end; no line is taken apart."""
    place, after = size_or_zero(store, path), b""
    while place:
        start = max(0, place - CHUNK_BYTES)
        chunk = read_range(store, path, start, place)
        if word in chunk + after:
            return True
        place, after = start, chunk[: len(word)]
    return False


def _last_good_line(store: Store, path: str, is_good: Callable[[bytes], bool]) -> tuple[bytes | None, int]:
    """The last whole line that is good, and where it ends; None and 0 where there is none."""
    for start, line in lines_backward(store, path):
        if is_good(line):
            return line, start + len(line)
    return None, 0


def read_range(store: Store, path: str, start: int, stop: int) -> bytes:
    """The bytes [start, stop) of a file, fewer where it ends before; none where there is no file."""
    try:
        with store.open_read(path) as reader:
            return reader.read(start, stop)
    except FileNotFoundError:
        return b""
