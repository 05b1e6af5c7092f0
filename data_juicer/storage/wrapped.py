"""Stores that pass every operation on to another one, for those that watch, delay or refuse some of them."""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import Callable, Iterable, Iterator

from data_juicer.errors import StoreError
from data_juicer.storage.base import Store
from data_juicer.storage.capabilities import AdvisoryLock, AppendLog, OwnDirectory
from data_juicer.storage.disk import DiskStore, Sink
from data_juicer.storage.files import Data, Entry, Reader, Stat, Upload


class _Wrapped(Store):
    """What both wrappers pass on as it is."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self.uri = inner.uri
        self.has_links = inner.has_links
        self.tells_changes = inner.tells_changes

    @property
    def requests(self) -> int:
        return self._inner.requests

    @property
    def throttled(self) -> int:
        return self._inner.throttled

    def resolve(self, path: str) -> str:
        return self._inner.resolve(path)

    def is_same(self, path: str, other: str) -> bool:
        return self._inner.is_same(path, other)

    def make_dirs(self, path: str) -> None:
        self._inner.make_dirs(path)

    def check_writable(self, path: str) -> None:
        self._inner.check_writable(path)

    def remove_dir(self, path: str) -> None:
        self._inner.remove_dir(path)

    def free_bytes(self, path: str) -> int | None:
        return self._inner.free_bytes(path)

    def find_full(self, path: str) -> str | None:
        return self._inner.find_full(path)

    def volume(self, path: str) -> int | None:
        return self._inner.volume(path)

    def advisory_lock(self) -> AdvisoryLock | None:
        return self._inner.advisory_lock()

    def is_locked(self, path: str) -> bool:
        return self._inner.is_locked(path)

    def find_foreign(self, path: str) -> str | None:
        return self._inner.find_foreign(path)

    def find_open_to_all(self, path: str) -> str | None:
        return self._inner.find_open_to_all(path)

    def find_untrusted(self, path: str) -> str | None:
        return self._inner.find_untrusted(path)

    def find_kind(self, path: str) -> str | None:
        return self._inner.find_kind(path)

    def make_own_dir(self, path: str) -> None:
        self._inner.make_own_dir(path)

    def open_own(self, path: str) -> contextlib.AbstractContextManager[OwnDirectory | None]:
        return self._inner.open_own(path)


class WrappedDisk(_Wrapped, DiskStore):
    """The inner disk, operation by operation; what is built from operations goes through those of the subclass."""

    _inner: DiskStore

    def __init__(self, inner: DiskStore) -> None:
        super().__init__(inner)

    # ---- changes

    def write(self, path: str, data: Data) -> None:
        self._inner.write(path, data)

    def append(self, path: str, data: Data) -> None:
        self._inner.append(path, data)

    def create(self, path: str, size_bytes: int | None = None) -> Sink:
        return self._inner.create(path, size_bytes)

    def copy_into(self, source: str, sink: Sink) -> None:
        self._inner.copy_into(source, sink)

    def truncate(self, path: str, size_bytes: int) -> None:
        self._inner.truncate(path, size_bytes)

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

    def exclusive(self, path: str) -> contextlib.AbstractContextManager[None]:
        return self._inner.exclusive(path)

    # ---- looking

    def read(self, path: str) -> bytes:
        return self._inner.read(path)

    def read_document(self, path: str) -> bytes | memoryview:
        return self._inner.read_document(path)

    def open_read(self, path: str) -> Reader:
        return self._inner.open_read(path)

    def stat(self, path: str) -> Stat:
        return self._inner.stat(path)

    def entries(self, path: str) -> builtins.list[Entry]:
        return self._inner.entries(path)

    def look(self, path: str) -> Stat:
        return self._inner.look(path)

    def used_bytes(self, path: str) -> int:
        return self._inner.used_bytes(path)

    def map(self, path: str) -> Data:
        return self._inner.map(path)

    def exists(self, path: str) -> bool:
        return self._inner.exists(path)

    def list(self, path: str) -> builtins.list[str]:
        return self._inner.list(path)

    # ---- names

    def aside(self, path: str) -> str:
        return self._inner.aside(path)

    def is_own_aside(self, path: str) -> bool:
        return self._inner.is_own_aside(path)


class WrappedStore(_Wrapped):
    """The inner store of any kind, request by request."""

    def before_look(self) -> None:
        """Called before each request that changes nothing."""

    def before_change(self) -> None:
        """Called before each request that changes something."""

    # ---- reading

    def read(self, path: str) -> bytes:
        self.before_look()
        return self._inner.read(path)

    def read_document(self, path: str) -> bytes | memoryview:
        self.before_look()
        return self._inner.read_document(path)

    def read_range(self, path: str, start: int, stop: int) -> bytes:
        self.before_look()
        return self._inner.read_range(path, start, stop)

    def open_read(self, path: str) -> Reader:
        self.before_look()
        return self._inner.open_read(path)

    def map(self, path: str) -> Data:
        self.before_look()
        return self._inner.map(path)

    def stat(self, path: str) -> Stat:
        self.before_look()
        return self._inner.stat(path)

    def exists(self, path: str) -> bool:
        self.before_look()
        return self._inner.exists(path)

    def entries(self, path: str) -> builtins.list[Entry]:
        self.before_look()
        return self._inner.entries(path)

    def look(self, path: str) -> Stat:
        self.before_look()
        return self._inner.look(path)

    def used_bytes(self, path: str) -> int:
        self.before_look()
        return self._inner.used_bytes(path)

    def list(self, path: str) -> builtins.list[str]:
        self.before_look()
        return self._inner.list(path)

    # ---- writing

    def find_version(self, path: str) -> str:
        self.before_look()
        return self._inner.find_version(path)

    def put(self, path: str, data: Data) -> None:
        self.before_change()
        self._inner.put(path, data)

    def put_if_absent(self, path: str, data: Data) -> bool:
        self.before_change()
        return self._inner.put_if_absent(path, data)

    def put_if_unchanged(self, path: str, data: Data, version: str) -> bool:
        self.before_change()
        return self._inner.put_if_unchanged(path, data, version)

    def stage(self, path: str, data: Data) -> None:
        self.before_change()
        self._inner.stage(path, data)

    @contextlib.contextmanager
    def stage_many(self, directory: str) -> Iterator[Callable[[str, Data], None]]:
        with self._inner.stage_many(directory) as inner:

            def stage(name: str, data: Data) -> None:
                self.before_change()
                inner(name, data)

            yield stage

    def write(self, path: str, data: Data) -> None:
        self.before_change()
        self._inner.write(path, data)

    def make_durable(self, paths: Iterable[str]) -> None:
        self.before_change()
        self._inner.make_durable(paths)

    def new_upload(
        self, path: str, writer: str = "", size_bytes: int | None = None, *, beside: bool = False
    ) -> Upload:
        self.before_change()
        return self._inner.new_upload(path, writer, size_bytes, beside=beside)

    def adopt_upload(self, path: str, writer: str, ticket: str, size_bytes: int) -> Upload:
        return self._inner.adopt_upload(path, writer, ticket, size_bytes)

    def publish(self, uploads: Iterable[tuple[Upload, str]]) -> None:
        self.before_change()
        self._inner.publish(uploads)

    def discard_uploads(self, path: str, writer: str) -> None:
        self.before_change()
        self._inner.discard_uploads(path, writer)

    def end_uploads(self, directory: str, names: Iterable[str]) -> None:
        self._inner.end_uploads(directory, names)

    def move(self, pairs: Iterable[tuple[str, str]]) -> builtins.list[str]:
        self.before_change()
        return self._inner.move(pairs)

    def remove(self, path: str) -> None:
        self.before_change()
        self._inner.remove(path)

    def remove_all(self, paths: Iterable[str]) -> builtins.list[StoreError]:
        self.before_change()
        return self._inner.remove_all(paths)

    # ---- capabilities

    @property
    def logs(self) -> AppendLog | None:
        return self._inner.logs
