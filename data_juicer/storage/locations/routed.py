"""The store that serves every location: paths by the disk, URIs by the object store of their bucket."""

from __future__ import annotations

import builtins
import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator

from data_juicer.errors import StoreError
from data_juicer.storage.base import Store
from data_juicer.storage.capabilities import OwnDirectory
from data_juicer.storage.files import Data, Entry, Reader, Stat, Upload
from data_juicer.storage.locations.uri import ROUTED, root_of

COPY_BYTES = 8 << 20


class RoutedStore(Store):
    """Passes each request to the store of its location; one that spans two stores copies the bytes between them."""

    def __init__(self, make: Callable[[str], Store], uri: str | None = ROUTED) -> None:
        """
        Args:
            make: the store of a root, such as `/` or `s3://bucket`; called once for each.
            uri: None where no other process can open what `make` gives.
        """
        self._make = make
        self.uri = uri
        self._stores: dict[str, Store] = {}
        self._guard = threading.Lock()

    def at(self, path: str) -> Store:
        root = root_of(path)
        found = self._stores.get(root)
        if found is None:
            with self._guard:
                found = self._stores.setdefault(root, self._stores.get(root) or self._make(root))
        return found

    def wrapped(self, wrap: Callable[[Store], Store]) -> RoutedStore:
        """The same locations, each store wrapped."""
        return RoutedStore(lambda root: wrap(self.at(root)), self.uri)

    @property
    def requests(self) -> int:
        return sum(store.requests for store in builtins.list(self._stores.values()))

    @property
    def throttled(self) -> int:
        return sum(store.throttled for store in builtins.list(self._stores.values()))

    # ---- reading

    def read(self, path: str) -> bytes:
        return self.at(path).read(path)

    def read_document(self, path: str) -> bytes | memoryview:
        return self.at(path).read_document(path)

    def read_range(self, path: str, start: int, stop: int) -> bytes:
        return self.at(path).read_range(path, start, stop)

    def open_read(self, path: str) -> Reader:
        return self.at(path).open_read(path)

    def map(self, path: str) -> Data:
        return self.at(path).map(path)

    def stat(self, path: str) -> Stat:
        return self.at(path).stat(path)

    def exists(self, path: str) -> bool:
        return self.at(path).exists(path)

    def entries(self, path: str) -> builtins.list[Entry]:
        return self.at(path).entries(path)

    def list(self, path: str) -> builtins.list[str]:
        return self.at(path).list(path)

    def look(self, path: str) -> Stat:
        return self.at(path).look(path)

    def used_bytes(self, path: str) -> int:
        return self.at(path).used_bytes(path)

    def resolve(self, path: str) -> str:
        return self.at(path).resolve(path)

    def is_same(self, path: str, other: str) -> bool:
        store = self.at(path)
        return store is self.at(other) and store.is_same(path, other)

    # ---- writing

    def find_version(self, path: str) -> str:
        return self.at(path).find_version(path)

    def put(self, path: str, data: Data) -> None:
        self.at(path).put(path, data)

    def put_if_absent(self, path: str, data: Data) -> bool:
        return self.at(path).put_if_absent(path, data)

    def put_if_unchanged(self, path: str, data: Data, version: str) -> bool:
        return self.at(path).put_if_unchanged(path, data, version)

    def stage(self, path: str, data: Data) -> None:
        self.at(path).stage(path, data)

    def stage_many(self, directory: str) -> contextlib.AbstractContextManager[Callable[[str, Data], None]]:
        return self.at(directory).stage_many(directory)

    def write(self, path: str, data: Data) -> None:
        self.at(path).write(path, data)

    def make_durable(self, paths: Iterable[str]) -> None:
        for store, those in self._by_store(paths):
            store.make_durable(those)

    def new_upload(
        self, path: str, writer: str = "", size_bytes: int | None = None, *, beside: bool = False
    ) -> Upload:
        store = self.at(path)
        return _RoutedUpload(self, store, store.new_upload(path, writer, size_bytes, beside=beside))

    def adopt_upload(self, path: str, writer: str, ticket: str, size_bytes: int) -> Upload:
        store = self.at(path)
        return _RoutedUpload(self, store, store.adopt_upload(path, writer, ticket, size_bytes))

    def publish(self, uploads: Iterable[tuple[Upload, str]]) -> None:
        groups: dict[int, tuple[Store, builtins.list[tuple[Upload, str]]]] = {}
        for upload, path in uploads:
            if not isinstance(upload, _RoutedUpload) or upload.store is not self.at(path):
                raise TypeError("an upload is published by the store that it was begun on")
            groups.setdefault(id(upload.store), (upload.store, []))[1].append((upload.inner, path))
        for store, those in groups.values():
            store.publish(those)

    def discard_uploads(self, path: str, writer: str) -> None:
        self.at(path).discard_uploads(path, writer)

    def end_uploads(self, directory: str, names: Iterable[str]) -> None:
        self.at(directory).end_uploads(directory, names)

    def move(self, pairs: Iterable[tuple[str, str]]) -> builtins.list[str]:
        targets = dict(pairs)
        moved: builtins.list[str] = []
        for store, paths in self._by_store(targets):
            for path in paths:
                if self.at(targets[path]) is not store:
                    raise StoreError(
                        f"{path}: cannot be moved to {targets[path]}, which is in another store."
                    )
            moved += store.move((path, targets[path]) for path in paths)
        return moved

    def remove(self, path: str) -> None:
        self.at(path).remove(path)

    def remove_all(self, paths: Iterable[str]) -> builtins.list[StoreError]:
        return [error for store, those in self._by_store(paths) for error in store.remove_all(those)]

    # ---- directories

    def make_dirs(self, path: str) -> None:
        self.at(path).make_dirs(path)

    def check_writable(self, path: str) -> None:
        self.at(path).check_writable(path)

    def remove_dir(self, path: str) -> None:
        self.at(path).remove_dir(path)

    def free_bytes(self, path: str) -> int | None:
        return self.at(path).free_bytes(path)

    def find_full(self, path: str) -> str | None:
        return self.at(path).find_full(path)

    def volume(self, path: str) -> int | None:
        return self.at(path).volume(path)

    def is_locked(self, path: str) -> bool:
        return self.at(path).is_locked(path)

    def find_foreign(self, path: str) -> str | None:
        return self.at(path).find_foreign(path)

    def find_open_to_all(self, path: str) -> str | None:
        return self.at(path).find_open_to_all(path)

    def find_untrusted(self, path: str) -> str | None:
        return self.at(path).find_untrusted(path)

    def find_kind(self, path: str) -> str | None:
        return self.at(path).find_kind(path)

    def make_own_dir(self, path: str) -> None:
        self.at(path).make_own_dir(path)

    def open_own(self, path: str) -> contextlib.AbstractContextManager[OwnDirectory | None]:
        return self.at(path).open_own(path)

    def _by_store(self, paths: Iterable[str]) -> Iterator[tuple[Store, builtins.list[str]]]:
        """Each store with the paths that it serves, in their order."""
        groups: dict[int, tuple[Store, builtins.list[str]]] = {}
        for path in paths:
            store = self.at(path)
            groups.setdefault(id(store), (store, []))[1].append(path)
        yield from groups.values()


class _RoutedUpload(Upload):
    """An upload that takes files of other stores too."""

    def __init__(self, stores: RoutedStore, store: Store, inner: Upload) -> None:
        self._stores = stores
        self.store = store
        self.inner = inner

    def write(self, data: Data) -> int:
        return self.inner.write(data)

    def append_file(self, path: str) -> None:
        source = self._stores.at(path)
        if source is self.store:
            self.inner.append_file(path)
            return
        with source.open_read(path) as reader:
            for chunk in reader.chunks(COPY_BYTES):
                self.inner.write(chunk)

    def tell(self) -> int:
        return self.inner.tell()

    def seal(self) -> None:
        self.inner.seal()

    def ticket(self) -> str:
        return self.inner.ticket()

    def modified_ns(self) -> int:
        return self.inner.modified_ns()

    def discard(self) -> None:
        self.inner.discard()

    def flush(self) -> None:
        self.inner.flush()
