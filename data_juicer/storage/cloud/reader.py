"""One version of an object, read by ranges: small reads that follow each other are answered from one block."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Protocol

from data_juicer.storage.cloud.bucket import Found
from data_juicer.storage.files import Reader, Stat

BLOCK_BYTES: Final = 256 << 10
"""The least that one request asks for."""
AHEAD: Final = 4
"""Ranges that are fetched while the one before them is used."""
AHEAD_BYTES_MAX: Final = 64 << 20
"""Of all ranges that are fetched ahead."""


class Ranges(Protocol):
    def fetch(self, path: str, start: int, stop: int, version: str) -> bytes: ...


class ObjectReader(Reader):
    def __init__(self, store: Ranges, path: str, found: Found, stat: Stat) -> None:
        self._store = store
        self._path = path
        self._version = found.content
        self._stat = stat
        self._block_start = 0
        self._block = b""

    def stat(self) -> Stat:
        return self._stat

    def read(self, start: int, stop: int) -> bytes:
        stop = min(stop, self._stat.size_bytes)
        if start >= stop:
            return b""
        held_stop = self._block_start + len(self._block)
        if not (self._block_start <= start and stop <= held_stop):
            last = min(self._stat.size_bytes, max(stop, start + BLOCK_BYTES))
            self._block = self._store.fetch(self._path, start, last, self._version)
            self._block_start = start
        if (start, stop) == (self._block_start, self._block_start + len(self._block)):
            return self._block
        return self._block[start - self._block_start : stop - self._block_start]

    def chunks(self, size_bytes: int, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes [start, stop), by default the whole file; a few chunks ahead are on their way while one is used."""
        total = self._stat.size_bytes if stop is None else min(stop, self._stat.size_bytes)
        ahead = max(1, min(AHEAD, AHEAD_BYTES_MAX // size_bytes))
        if total - start <= size_bytes:
            if start < total:
                yield self.read(start, total)
            return
        starts = iter(range(start, total, size_bytes))
        waiting: deque[Future[bytes]] = deque()
        with ThreadPoolExecutor(ahead, thread_name_prefix="fetch") as pool:
            try:
                for begin in starts:
                    end = min(begin + size_bytes, total)
                    waiting.append(pool.submit(self._store.fetch, self._path, begin, end, self._version))
                    if len(waiting) > ahead:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for each in waiting:
                    each.cancel()

    def close(self) -> None:
        self._block = b""
