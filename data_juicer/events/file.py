"""A log file of whole lines that is rotated: `log`, `log.1` the youngest before it, `log.2` ...

A disk that is full or gone does not stop a job because of its log: what could not be written is counted by the caller,
and the next append tries again behind the last whole line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from data_juicer.errors import StoreError
from data_juicer.job.layout import rotated
from data_juicer.storage.base import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """The end of a log as `RotatingFile.cut` left it."""

    line: bytes | None
    cut_bytes: int


class RotatingFile:
    """One writer appends whole lines."""

    def __init__(self, store: Store, path: str, size_bytes_max: int, backup_count: int) -> None:
        """
        Args:
            size_bytes_max: a file that would grow over it is rotated first; a single append may be larger.
            backup_count: rotated files that are kept beside the current one.
        """
        self._store = store
        self._path = path
        self._size_bytes_max = size_bytes_max
        self._backup_count = backup_count
        self._size_bytes: int | None = None
        """Bytes of whole lines; None until known."""
        self._is_torn = False

    def cut(self, is_good: Callable[[bytes], bool]) -> Tail:
        """Cut off everything behind the last good line; where there is none, older files are searched for one.

        Raises: StoreError.
        """
        data = read_or_empty(self._store, self._path)
        line, end = last_good_line(data, is_good)
        if end < len(data):
            self._store.truncate(self._path, end)
        self._size_bytes = end
        for number in [] if line else rotated_numbers(self._store, self._path):
            line, _ = last_good_line(read_or_empty(self._store, rotated(self._path, number)), is_good)
            if line:
                break
        return Tail(line=line, cut_bytes=len(data) - end)

    def append(self, lines: bytes) -> None:
        """Raises: StoreError: nothing counts as written; a part may be on disk and is cut off by the next append."""
        if self._size_bytes is None:
            self._store.make_dirs(os.path.dirname(self._path))
            self._size_bytes = self._store.size(self._path) if self._store.exists(self._path) else 0
        if (
            self._is_torn
            and self._store.exists(self._path)
            and self._store.size(self._path) > self._size_bytes
        ):
            self._store.truncate(self._path, self._size_bytes)
        self._is_torn = False
        if self._size_bytes and self._size_bytes + len(lines) > self._size_bytes_max:
            self._rotate()
        try:
            self._store.append(self._path, lines)
        except StoreError:
            self._is_torn = True
            raise
        self._size_bytes += len(lines)

    def sync(self) -> None:
        """Make the lines and the names of the files durable. Raises: StoreError."""
        if self._size_bytes:
            self._store.sync(self._path)
            self._store.sync_dir(os.path.dirname(self._path))

    def _rotate(self) -> None:
        """Oldest first, so that a crash in between leaves every line in some file."""
        self._store.sync(self._path)
        if self._backup_count == 0:
            self._store.remove(self._path)
        for number in range(self._backup_count, 0, -1):
            younger = rotated(self._path, number - 1)
            if self._store.exists(younger):
                self._store.replace(younger, rotated(self._path, number))
        self._size_bytes = 0


def read_or_empty(store: Store, path: str) -> bytes:
    try:
        return store.read(path)
    except FileNotFoundError:
        return b""


def last_good_line(data: bytes, is_good: Callable[[bytes], bool]) -> tuple[bytes | None, int]:
    """The last whole line that is good, and where it ends; None and 0 where there is none."""
    end = data.rfind(b"\n") + 1
    while end:
        start = data.rfind(b"\n", 0, end - 1) + 1
        if is_good(data[start:end]):
            return data[start:end], end
        end = start
    return None, 0


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
        data = read_or_empty(store, rotated(path, number))
        yield from data[: data.rfind(b"\n") + 1].split(b"\n")[:-1]
