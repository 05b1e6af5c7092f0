"""What was looked at once is not asked for again: for the moments in which a job only looks, where each look is a request."""

from __future__ import annotations

import builtins

from data_juicer.storage.base import Store
from data_juicer.storage.files import Data, Entry, Stat
from data_juicer.storage.locations.routed import RoutedStore
from data_juicer.storage.wrapped import WrappedStore


def remembering(store: Store) -> Store:
    """The store as it is now, to look at; itself where a look costs nothing."""
    return RememberingStore(store) if isinstance(store, RoutedStore) else store


class RememberingStore(WrappedStore):
    """Keeps documents, stats and listings, and that something is not there. Changes are passed on and not remembered."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self._documents: dict[str, bytes | None] = {}
        self._stats: dict[str, Stat | None] = {}
        self._entries: dict[str, builtins.list[Entry]] = {}

    def at(self, path: str) -> Store:
        return self._inner.at(path)

    def read(self, path: str) -> bytes:
        if path not in self._documents:
            try:
                self._documents[path] = self._inner.read(path)
            except FileNotFoundError:
                self._documents[path] = None
        data = self._documents[path]
        if data is None:
            raise _missing(path)
        return data

    def read_document(self, path: str) -> bytes | memoryview:
        return self.read(path)

    def map(self, path: str) -> Data:
        return self._inner.map(path)

    def stat(self, path: str) -> Stat:
        if path not in self._stats and self._is_folder(path):
            self._stats[path] = Stat(size_bytes=0, modified_ns=0, identity=path, kind="directory")
        if path not in self._stats:
            try:
                self._stats[path] = self._inner.stat(path)
            except FileNotFoundError:
                self._stats[path] = None
        stat = self._stats[path]
        if stat is None:
            raise _missing(path)
        return stat

    def _is_folder(self, path: str) -> bool:
        """Of a name that looks like one, where what is below it is asked for anyway."""
        is_likely = not self.at(path).has_links and "." not in path.rpartition("/")[2]
        return is_likely and bool(self.entries(path))

    def look(self, path: str) -> Stat:
        """Of a file that was listed, what the listing says."""
        return self._stats.get(path) or self._inner.look(path)

    def exists(self, path: str) -> bool:
        """A document is read at once, since whoever asks for it reads it next."""
        try:
            if path.endswith(".json"):
                self.read(path)
            else:
                self.stat(path)
        except FileNotFoundError:
            return False
        return True

    def entries(self, path: str) -> builtins.list[Entry]:
        if path not in self._entries:
            found = self._entries[path] = self._inner.entries(path)
            self._stats.update((entry.path, entry.stat) for entry in found if entry.stat is not None)
        return self._entries[path]

    def list(self, path: str) -> builtins.list[str]:
        return [entry.name for entry in self.entries(path)]


def _missing(path: str) -> FileNotFoundError:
    return FileNotFoundError(2, "No such file or directory", path)
