"""Shards of an export of lines: where each begins and ends in the results of partitions, and how it is written, in any process.

A shard takes lines as long as they fit, one at least. Results are files of whole lines, so that where a shard ends is found
near one byte of one of them.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Final

import msgspec

from data_juicer.formats.base import Compression
from data_juicer.formats.compression import compress
from data_juicer.storage.base import Store
from data_juicer.storage.files import Upload
from data_juicer.store.manifest import FileName

CHUNK_BYTES: Final = 8 << 20
"""Lines that are compressed together."""
_SEARCH_BYTES: Final = 1 << 16


class LineRange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Whole lines of one file."""

    file: FileName
    byte_start: int
    byte_stop: int


LineShard = tuple[LineRange, ...]


def plan_line_shards(
    store: Store, directory: str, files: Sequence[tuple[str, int]], size_bytes: int
) -> list[LineShard]:
    """Cut the lines of all files, one after the other, into shards of at most so many bytes, or of one line.

    Args:
        files: names and sizes.
    Raises: FileNotFoundError, StoreError: a file cannot be read.
    """
    starts = list(accumulate((size for _, size in files), initial=0))
    cuts = [0]
    while cuts[-1] < starts[-1]:
        cuts.append(_cut(store, directory, files, starts, cuts[-1], size_bytes))
    return [_ranges(files, starts, start, stop) for start, stop in pairwise(cuts)] or [()]


def _cut(
    store: Store,
    directory: str,
    files: Sequence[tuple[str, int]],
    starts: Sequence[int],
    start: int,
    size_bytes: int,
) -> int:
    """Where the shard ends that begins at `start`, counted over all files."""
    last = start + size_bytes
    if last >= starts[-1]:
        return starts[-1]
    number = bisect_right(starts, last) - 1
    lowest = max(start, starts[number])
    path = os.path.join(directory, files[number][0])
    end = last - starts[number]
    while end > lowest - starts[number]:  # backwards from the last byte that fits
        begin = max(lowest - starts[number], end - _SEARCH_BYTES)
        found = store.read_range(path, begin, end).rfind(b"\n")
        if found >= 0:
            return starts[number] + begin + found + 1
        end = begin
    return lowest if lowest > start else _line_end(store, path, start - starts[number]) + starts[number]


def _line_end(store: Store, path: str, start: int) -> int:
    """Where the line ends that begins there."""
    while data := store.read_range(path, start, start + _SEARCH_BYTES):
        found = data.find(b"\n")
        if found >= 0:
            return start + found + 1
        start += len(data)
    return start


def _ranges(files: Sequence[tuple[str, int]], starts: Sequence[int], start: int, stop: int) -> LineShard:
    return tuple(LineRange(files[number][0], low, high) for number, low, high in cut(starts, start, stop))


def cut(starts: Sequence[int], start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Where the bytes [start, stop) of files that are one after the other are: number of the file, and its bytes [low, high).

    Args:
        starts: where each file begins, and the end of the last.
    """
    for number in range(bisect_right(starts, start) - 1, len(starts) - 1):
        if starts[number] >= stop:
            break
        low, high = max(start, starts[number]), min(stop, starts[number + 1])
        if low < high:
            yield number, low - starts[number], high - starts[number]


def write_line_shard(
    store: Store,
    directory: str,
    shard: LineShard,
    compression: Compression,
    write: Callable[[bytes], object],
    heartbeat: Callable[[], None],
) -> None:
    """Write a shard; the same lines give the same bytes.

    Args:
        write: given the bytes, in chunks.
        heartbeat: called before each file is read; may raise.
    """
    for chunk in _chunks(_lines(store, directory, shard, heartbeat)):
        write(compress(chunk, compression))


def _lines(store: Store, directory: str, shard: LineShard, heartbeat: Callable[[], None]) -> Iterator[bytes]:
    for each in shard:
        heartbeat()
        data = store.read_range(os.path.join(directory, each.file), each.byte_start, each.byte_stop)
        yield from (line + b"\n" for line in data.split(b"\n")[:-1])


def _chunks(lines: Iterator[bytes]) -> Iterator[bytes]:
    chunk = bytearray(next(lines, b""))
    for line in lines:
        chunk += line
        if len(chunk) >= CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)


class SealedShard(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an export that is written and waits to be published."""

    upload: Upload
    digest: str = ""
    """xxh3-128 in hex; empty for parts one after the other, whose digests are known."""
    suffix: str = ""
    """Of a file that belongs to the one before it, which has its name."""
    name: str = ""
    """Of a file that belongs to all."""
