"""Memory and disk that resolving may use. Nothing here is durable: a resolve that is killed begins again.

What is small stays in memory, so that most jobs never touch the disk. The bound is kept by parts: no array is kept in
memory that is larger than a thirty-second part of it, and no bucket is meant to be; what works on them takes ten times as much.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Records = npt.NDArray[Any]
PART: Final = 32
"""Of the memory, what a single array or bucket may take."""
BUCKETS_MAX: Final = 1024


class Scratch:
    """Where a resolve puts what it cannot hold."""

    def __init__(
        self, directory: str, memory_bytes: int, heartbeat: Callable[[], None] = lambda: None
    ) -> None:
        """
        Args:
            directory: for files, made when the first one is needed.
            heartbeat: called now and then; may raise to end the resolve.
        """
        self.memory_bytes = memory_bytes
        self.heartbeat = heartbeat
        self._directory = directory
        self._own: str | None = None

    @property
    def part_bytes(self) -> int:
        """What one array, bucket or chunk may take of the memory."""
        return max(1 << 12, self.memory_bytes // PART)

    def path(self) -> str:
        """A new file name."""
        if self._own is None:
            os.makedirs(self._directory, mode=0o755, exist_ok=True)
            self._own = tempfile.mkdtemp(prefix="resolve-", dir=self._directory)
        handle, path = tempfile.mkstemp(dir=self._own)
        os.close(handle)
        return path

    def zeros(self, rows: int, kind: npt.DTypeLike) -> Records:
        """An array of zeros, shape (rows,): in memory where it is small enough, else in a file."""
        if rows * np.dtype(kind).itemsize <= self.part_bytes:
            return np.zeros(rows, kind)
        path = self.path()
        with open(path, "r+b") as stream:
            _reserve(stream.fileno(), rows * np.dtype(kind).itemsize)
        return np.memmap(path, dtype=kind, mode="r+", shape=(rows,))

    def numbers(self, rows: int) -> npt.NDArray[np.int64]:
        """0, 1, 2 and so on, shape (rows,)."""
        numbers = self.zeros(rows, np.int64)
        for start, stop in self.spans(rows, 8):
            numbers[start:stop] = np.arange(start, stop)
        return numbers

    def spans(self, rows: int, row_bytes: int) -> Iterator[tuple[int, int]]:
        """Rows in chunks that the memory has room for."""
        step = max(1, self.part_bytes // row_bytes)
        for start in range(0, rows, step):
            self.heartbeat()
            yield start, min(start + step, rows)

    def close(self) -> None:
        """Remove every file."""
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)
            self._own = None


class Buckets:
    """Records spread by a number of theirs, to be read back bucket by bucket, in the order in which they were added."""

    def __init__(
        self, scratch: Scratch, kind: npt.DTypeLike, records_expected: int = 0, count: int | None = None
    ) -> None:
        """
        Args:
            records_expected: from which the number of buckets follows, so that one fits into memory.
            count: that number itself.
        """
        self._scratch = scratch
        self._kind = np.dtype(kind)
        size = records_expected * self._kind.itemsize
        self.count = count or min(BUCKETS_MAX, 1 + size // scratch.part_bytes)
        self._in_memory: list[list[Records]] = [[] for _ in range(self.count)]
        self._held_bytes = 0
        self._files: dict[int, str] = {}

    def add(self, bucket: npt.NDArray[np.integer[Any]], records: Records) -> None:
        """`bucket` in [0, count) for each record, shape (records,)."""
        if self.count == 1:
            self._in_memory[0].append(records)
        else:
            bucket = bucket.astype(np.uint16)  # whose sort is a radix sort
            order = np.argsort(bucket, kind="stable")
            stops = np.searchsorted(bucket[order], np.arange(self.count + 1))
            ordered = records[order]
            for number in np.flatnonzero(np.diff(stops)):
                self._in_memory[number].append(ordered[stops[number] : stops[number + 1]])
        self._held_bytes += records.nbytes
        if self._held_bytes > self._scratch.part_bytes:
            self._flush()

    def _flush(self) -> None:
        self._scratch.heartbeat()
        for number, records in enumerate(self._in_memory):
            if records:
                path = self._files.get(number) or self._scratch.path()
                self._files[number] = path
                _append(path, records)
        self._in_memory = [[] for _ in range(self.count)]
        self._held_bytes = 0

    def __iter__(self) -> Iterator[Iterator[Records]]:
        """Each bucket, in chunks that memory has room for."""
        for number in range(self.count):
            self._scratch.heartbeat()
            yield self.chunks(number)

    def chunks(self, number: int) -> Iterator[Records]:
        """One bucket, in chunks that memory has room for."""
        path, rest = self._files.get(number), self._in_memory[number]
        step = max(1, self._scratch.part_bytes // self._kind.itemsize)
        if path is not None:
            with open(path, "rb") as stream:
                while len(chunk := np.fromfile(stream, self._kind, step)) == step:
                    yield chunk
            rest = [chunk, *rest]  # less than a part each
        if sum(map(len, rest)):
            yield np.concatenate(rest)


class RowFile:
    """Rows of bytes, all of one width, appended once and fetched by number; in memory while they are few."""

    def __init__(self, scratch: Scratch, width: int) -> None:
        self._scratch = scratch
        self._width = width
        self._in_memory: list[Records] = []
        self._held_bytes = 0
        self._path: str | None = None

    def append(self, rows: npt.NDArray[np.uint8]) -> None:
        """Shape (rows, width)."""
        self._in_memory.append(rows)
        self._held_bytes += rows.nbytes
        if self._held_bytes > self._scratch.part_bytes or self._path is not None:
            self._path = self._path or self._scratch.path()
            _append(self._path, self._in_memory)
            self._in_memory, self._held_bytes = [], 0

    def take(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """The rows with these numbers, shape (numbers, width)."""
        if self._path is None:
            self._in_memory = (
                [np.concatenate(self._in_memory)] if len(self._in_memory) > 1 else self._in_memory
            )
            return self._in_memory[0][numbers] if len(numbers) else np.empty((0, self._width), np.uint8)
        wanted, inverse = np.unique(numbers, return_inverse=True)
        found = np.empty((len(wanted), self._width), np.uint8)
        with open(self._path, "rb") as stream:
            for start, stop in self._runs(wanted):
                first = int(wanted[start])
                stream.seek(first * self._width)
                count = int(wanted[stop - 1]) - first + 1
                block = np.fromfile(stream, np.uint8, count * self._width).reshape(count, self._width)
                found[start:stop] = block[wanted[start:stop] - first]
        return found[inverse]

    def _runs(self, wanted: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
        """Numbers that lie close together and not too far apart, as ranges of `wanted`."""
        gap_max, span_max = 64, max(1, self._scratch.part_bytes // self._width // 4)
        breaks = np.flatnonzero(np.diff(wanted) > gap_max) + 1
        for low, high in itertools.pairwise([0, *breaks.tolist(), len(wanted)]):
            for start in range(low, high, span_max // gap_max + 1):
                yield start, min(start + span_max // gap_max + 1, high)


def _reserve(descriptor: int, size_bytes: int) -> None:
    """Take the room that a file will need: a mapped one that finds the disk full kills its process without a word."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size_bytes)
    else:
        os.truncate(descriptor, size_bytes)


def _append(path: str, parts: Iterable[Records]) -> None:
    """By way of Python, whose errors say what the system refused; those of `tofile` do not."""
    with open(path, "ab") as stream:
        stream.writelines(np.ascontiguousarray(part).data for part in parts)
