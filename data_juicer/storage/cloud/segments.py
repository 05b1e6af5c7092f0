"""Files that grow, where objects do not: a log is a folder of segments, each named by the byte of the log that it begins with.

    events.jsonl/00000000000000000000.segment
    events.jsonl/00000000000000262104.segment

An append replaces the last segment by one that is longer, or begins the next one: one request, and the log holds all of the
lines or none. It is a compare-and-swap, so that two writers never write over each other's lines.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from data_juicer.errors import StoreError
from data_juicer.storage.capabilities import AppendLog
from data_juicer.storage.cloud.bucket import ABSENT, Found
from data_juicer.storage.files import Data, Reader, Stat

SEGMENT_BYTES: Final = 256 << 10
"""A segment that would grow over it is left as it is; a single append may be larger."""
WAIT_S: Final = 5.0
"""How long lines wait for others, since each append is a request."""
_NAME: Final = re.compile(r"(\d{20})\.segment")


class Objects(Protocol):
    """What logs need of the store that they are in."""

    def segments_of(self, path: str) -> list[Found]: ...
    def read(self, path: str) -> bytes: ...
    def put_version(self, path: str, data: Data, condition: str | None) -> str | None: ...
    def move(self, pairs: Iterable[tuple[str, str]]) -> list[str]: ...
    def remove_all(self, paths: Iterable[str]) -> list[StoreError]: ...


@dataclass(slots=True)
class _Tail:
    """The last segment of a log, as this process knows it."""

    start: int
    data: bytes
    version: str


class SegmentedLogs(AppendLog):
    wait_s = WAIT_S

    def __init__(self, store: Objects) -> None:
        self._store = store
        self._tails: dict[str, _Tail] = {}

    def append(self, path: str, data: Data) -> None:
        tail = self._tails.get(path) or self._find_tail(path)
        if tail.data and len(tail.data) + len(data) > SEGMENT_BYTES:
            tail = _Tail(tail.start + len(tail.data), b"", ABSENT)
        grown = tail.data + bytes(data)
        self._tails.pop(path, None)  # whatever goes wrong, the next append looks again
        version = self._store.put_version(segment_path(path, tail.start), grown, tail.version)
        if version is None:
            raise StoreError(f"{path}: writing failed: somebody else has written to it.")
        self._tails[path] = _Tail(tail.start, grown, version)

    def truncate(self, path: str, size_bytes: int) -> None:
        found = self._store.segments_of(path)
        if not found:
            raise StoreError(f"{path}: truncating failed: there is no such log.")
        self._tails.pop(path, None)
        starts = [start_of(each) for each in found]
        last = max(0, bisect.bisect_left(starts, size_bytes) - 1)
        self._remove(path, starts[last + 1 :])
        kept = self._store.read(segment_path(path, starts[last]))[: max(0, size_bytes - starts[last])]
        if (
            len(kept) < found[last].size_bytes
            and self._store.put_version(segment_path(path, starts[last]), kept, found[last].version) is None
        ):
            raise StoreError(f"{path}: truncating failed: somebody else has written to it.")

    def flush(self, path: str) -> None:
        """What was appended is durable."""

    def rotate(self, path: str, older: str) -> None:
        found = [start_of(each) for each in self._store.segments_of(path)]
        if not found:
            raise StoreError(f"{path}: renaming failed: there is no such log.")
        self.remove(older)
        self._tails.pop(path, None)
        self._store.move((segment_path(path, start), segment_path(older, start)) for start in found)

    def remove(self, path: str) -> None:
        """Every segment. Raises: StoreError."""
        self._tails.pop(path, None)
        self._remove(path, [start_of(each) for each in self._store.segments_of(path)])

    def is_written(self, path: str) -> bool:
        """Whether this process has appended to the log."""
        return path in self._tails

    def find_stat(self, path: str) -> Stat | None:
        """Of a log that this process has appended to last, without a request: nobody else can have since, or the next append
        is refused.
        """
        tail = self._tails.get(path)
        if tail is None:
            return None
        size_bytes = tail.start + len(tail.data)
        return Stat(
            size_bytes=size_bytes, modified_ns=0, identity=path, version=f"{tail.start}:{tail.version}"
        )

    def _remove(self, path: str, starts: Sequence[int]) -> None:
        if refused := self._store.remove_all(segment_path(path, start) for start in starts):
            raise refused[0]

    def _find_tail(self, path: str) -> _Tail:
        found = self._store.segments_of(path)
        if not found:
            return _Tail(0, b"", ABSENT)
        start = start_of(found[-1])
        return _Tail(start, self._store.read(segment_path(path, start)), found[-1].version)


class SegmentsReader(Reader):
    """The segments of a log as one file, as they were when it was opened; those that grow since give no more bytes."""

    def __init__(self, store: Objects, path: str, found: Sequence[Found]) -> None:
        self._store = store
        self._path = path
        self._found = found
        self._starts = [start_of(each) for each in found]
        self._held: tuple[int, bytes] = (-1, b"")

    def stat(self) -> Stat:
        return stat_of(self._path, self._found)

    def read(self, start: int, stop: int) -> bytes:
        return b"".join(self._chunks(start, min(stop, self.stat().size_bytes)))

    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        while start < stop:
            index = bisect.bisect_right(self._starts, start) - 1
            begin = self._starts[index]
            end = min(stop, begin + self._found[index].size_bytes)
            if start >= end:
                return
            if self._held[0] != begin:
                try:
                    self._held = begin, self._store.read(segment_path(self._path, begin))
                except FileNotFoundError:
                    raise StoreError(
                        f"{self._path}: reading failed: it was rotated while it was read."
                    ) from None
            yield self._held[1][start - begin : end - begin]
            start = end

    def close(self) -> None:
        self._held = (-1, b"")


def segment_path(path: str, start: int) -> str:
    return f"{path}/{start:020d}.segment"


def start_of(found: Found) -> int:
    """The byte of the log that a segment begins with."""
    return int(found.key.rpartition("/")[2].partition(".")[0])


def only_segments(found: Sequence[Found], folders: Sequence[str]) -> list[Found]:
    """The objects of a folder in the order of the log; none where it is no log."""
    if folders or not all(_NAME.fullmatch(each.key.rpartition("/")[2]) for each in found):
        return []
    return sorted(found, key=start_of)


def stat_of(path: str, found: Sequence[Found]) -> Stat:
    """Of a log of at least one segment."""
    return Stat(
        size_bytes=start_of(found[-1]) + found[-1].size_bytes,
        modified_ns=int(max(each.modified_s for each in found) * 1e9),
        identity=path,
        version=f"{start_of(found[-1])}:{found[-1].version}",
    )
