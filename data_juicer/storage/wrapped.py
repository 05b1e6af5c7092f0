"""A store that passes every operation on to another one, for those that watch, delay or refuse some of them."""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import Callable, Sequence
from typing import BinaryIO

from data_juicer.storage.base import Data, Entry, Reader, Stat, Store
from data_juicer.storage.directory import OwnDirectory


class WrappedStore(Store):
    """The inner store, operation by operation; what is built from operations goes through those of the subclass."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner

    # ---- changes

    def write(self, path: str, data: Data) -> None:
        self._inner.write(path, data)

    def append(self, path: str, data: Data) -> None:
        self._inner.append(path, data)

    def create(self, path: str) -> contextlib.AbstractContextManager[BinaryIO]:
        return self._inner.create(path)

    def truncate(self, path: str, size: int) -> None:
        self._inner.truncate(path, size)

    def sync(self, path: str) -> None:
        self._inner.sync(path)

    def sync_dir(self, path: str) -> None:
        self._inner.sync_dir(path)

    def link(self, source: str, target: str) -> bool:
        return self._inner.link(source, target)

    def replace(self, source: str, target: str) -> None:
        self._inner.replace(source, target)

    def remove(self, path: str) -> None:
        self._inner.remove(path)

    def make_dirs(self, path: str) -> None:
        self._inner.make_dirs(path)

    def remove_dir(self, path: str) -> None:
        self._inner.remove_dir(path)

    def concat(self, sources: Sequence[str], target: str, tick: Callable[[], None] = lambda: None) -> None:
        self._inner.concat(sources, target, tick)

    # ---- looking

    def read(self, path: str) -> bytes:
        return self._inner.read(path)

    def open_read(self, path: str) -> Reader:
        return self._inner.open_read(path)

    def stat(self, path: str) -> Stat:
        return self._inner.stat(path)

    def entries(self, path: str) -> builtins.list[Entry]:
        return self._inner.entries(path)

    def resolve(self, path: str) -> str:
        return self._inner.resolve(path)

    def map(self, path: str) -> Data:
        return self._inner.map(path)

    def size(self, path: str) -> int:
        return self._inner.size(path)

    def modified_ns(self, path: str) -> int:
        return self._inner.modified_ns(path)

    def exists(self, path: str) -> bool:
        return self._inner.exists(path)

    def list(self, path: str) -> builtins.list[str]:
        return self._inner.list(path)

    def volume(self, path: str) -> int | None:
        return self._inner.volume(path)

    def free_bytes(self, path: str) -> int | None:
        return self._inner.free_bytes(path)

    # ---- owners

    def find_foreign(self, path: str) -> str | None:
        return self._inner.find_foreign(path)

    def find_open_to_all(self, path: str) -> str | None:
        return self._inner.find_open_to_all(path)

    def is_same(self, path: str, other: str) -> bool:
        return self._inner.is_same(path, other)

    def make_own_dir(self, path: str) -> None:
        self._inner.make_own_dir(path)

    def open_own(self, path: str) -> contextlib.AbstractContextManager[OwnDirectory | None]:
        return self._inner.open_own(path)

    # ---- names

    def aside(self, path: str) -> str:
        return self._inner.aside(path)
