"""A disk in memory that knows what would be left of it if the power failed now."""

from __future__ import annotations

import contextlib
import enum
import os
import threading
from collections.abc import Iterator

import msgspec

from data_juicer.errors import StoreError
from data_juicer.storage.capabilities import AppendLog
from data_juicer.storage.disk import DiskStore
from data_juicer.storage.files import Data, Entry, Reader, Stat


class Loss(enum.Enum):
    """What a crash takes with it. A file that was never synced is empty where its name survives, as on ext4."""

    EVERYTHING = "unsynced bytes and names are gone"
    BYTES = "names are there, unsynced bytes are not"
    ORDER = "unsynced bytes are gone, and of the unsynced names all but the newest change"
    NOTHING = "the process was killed, the machine goes on"


class _File(msgspec.Struct, eq=False):
    """What names point at. `durable` are the bytes of the last sync; `modified_ns` counts changes of any file."""

    data: bytes = b""
    durable: bytes = b""
    modified_ns: int = 0


class _Renaming(msgspec.Struct, frozen=True):
    """A change of names that no directory sync has made durable: `old` goes, `new` becomes `file`; each may be none."""

    old: str | None
    new: str | None
    file: _File | None

    def touches(self, directory: str) -> bool:
        return any(path and os.path.dirname(path) == directory for path in (self.old, self.new))

    def apply(self, names: dict[str, _File]) -> None:
        if self.old is not None:
            names.pop(self.old, None)
        if self.new is not None and self.file is not None:
            names[self.new] = self.file


class MemoryStore(DiskStore):
    """Bytes are durable after `sync`, names after `sync_dir`; directories at once, as `make_dirs` promises."""

    def __init__(self) -> None:
        self._names: dict[str, _File] = {}
        self._durable: dict[str, _File] = {}
        self._pending: list[_Renaming] = []
        self._directories: set[str] = {"/"}
        self._changes = 0
        self._locked: set[str] = set()
        self._exclusive = threading.RLock()

    def after_power_loss(self, loss: Loss) -> MemoryStore:
        """The disk that the next process finds; this one stays as it is."""
        if loss is Loss.NOTHING:
            return self._rebuilt(self._names, {file: file.data for file in self._names.values()})
        names = dict(self._durable)
        surviving = {Loss.EVERYTHING: [], Loss.BYTES: self._pending, Loss.ORDER: self._pending[-1:]}[loss]
        for renaming in surviving:
            renaming.apply(names)
        return self._rebuilt(names, {file: file.durable for file in names.values()})

    def _rebuilt(self, names: dict[str, _File], contents: dict[_File, bytes]) -> MemoryStore:
        """A disk on which everything is durable."""
        disk = MemoryStore()
        files = {file: _File(data, data, file.modified_ns) for file, data in contents.items()}
        disk._names = {path: files[file] for path, file in names.items()}
        disk._durable = dict(disk._names)
        disk._directories = set(self._directories)
        disk._changes = self._changes
        return disk

    def contents(self) -> dict[str, bytes]:
        """Path -> bytes of every file."""
        return {path: file.data for path, file in self._names.items()}

    # ---- bytes

    def write(self, path: str, data: Data) -> None:
        self._change(self._file_to_write(path), bytes(data))

    def append(self, path: str, data: Data) -> None:
        file = self._file_to_write(path)
        self._change(file, file.data + bytes(data))

    def create(self, path: str, size_bytes: int | None = None) -> AppendingStream:
        self.write(path, b"")
        return AppendingStream(self, path)

    def truncate(self, path: str, size_bytes: int) -> None:
        file = self._file(path, "truncating")
        self._change(file, file.data[:size_bytes].ljust(size_bytes, b"\0"))

    def sync(self, path: str) -> None:
        file = self._file(path, "syncing")
        file.durable = file.data

    def advisory_lock(self) -> MemoryLock:
        return MemoryLock(self._locked)

    def is_locked(self, path: str) -> bool:
        return path in self._locked

    # ---- names

    def sync_dir(self, path: str) -> None:
        self._need_dir(path, "syncing")
        for renaming in self._pending:
            if renaming.touches(path):
                renaming.apply(self._durable)
        self._pending = [renaming for renaming in self._pending if not renaming.touches(path)]

    def link(self, source: str, target: str) -> bool:
        file = self._file(source, "linking")
        self._need_dir(os.path.dirname(target), "linking")
        if target in self._names:
            return False
        self._rename(_Renaming(None, target, file))
        return True

    def replace(self, source: str, target: str) -> None:
        file = self._file(source, "renaming")
        self._need_dir(os.path.dirname(target), "renaming")
        self._rename(_Renaming(source, target, file))

    def remove(self, path: str) -> None:
        if path in self._names:
            self._rename(_Renaming(path, None, None))

    def make_dirs(self, path: str) -> None:
        while path not in self._directories:
            if path in self._names:
                raise StoreError(f"{path}: creating the directory failed: a file has this name.")
            self._directories.add(path)
            path = os.path.dirname(path)

    def check_writable(self, path: str) -> None:
        self._need_dir(path, "writing")

    @contextlib.contextmanager
    def exclusive(self, path: str) -> Iterator[None]:
        with self._exclusive:
            yield

    def remove_dir(self, path: str) -> None:
        if not self.list(path):
            self._directories.discard(path)

    # ---- looking

    def read(self, path: str) -> bytes:
        if path not in self._names:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self._names[path].data

    def open_read(self, path: str) -> Reader:
        data = self.read(path)
        return _MemoryReader(data, self.stat(path))

    def stat(self, path: str) -> Stat:
        if path in self._directories:
            return Stat(size_bytes=0, modified_ns=0, identity=path, kind="directory")
        size_bytes, modified_ns = len(self.read(path)), self._names[path].modified_ns
        return Stat(size_bytes=size_bytes, modified_ns=modified_ns, identity=path, version=str(modified_ns))

    def entries(self, path: str) -> list[Entry]:
        paths = [os.path.join(path, name) for name in self.list(path)]
        return [
            Entry(
                name=os.path.basename(inside),
                path=inside,
                kind="directory" if inside in self._directories else "file",
            )
            for inside in paths
        ]

    def exists(self, path: str) -> bool:
        return path in self._names or path in self._directories

    def list(self, path: str) -> list[str]:
        inside = [
            name for name in (*self._names, *self._directories) if os.path.dirname(name) == path != name
        ]
        return sorted(os.path.basename(name) for name in inside)

    # ---- inside

    def _change(self, file: _File, data: bytes) -> None:
        self._changes += 1
        file.data, file.modified_ns = data, self._changes

    def _rename(self, renaming: _Renaming) -> None:
        renaming.apply(self._names)
        self._pending.append(renaming)

    def _file_to_write(self, path: str) -> _File:
        if path in self._directories:
            raise StoreError(f"{path}: writing failed: Is a directory.")
        if path not in self._names:
            self._need_dir(os.path.dirname(path), "writing")
            self._rename(_Renaming(None, path, _File()))
        return self._names[path]

    def _file(self, path: str, doing: str) -> _File:
        if path not in self._names:
            raise StoreError(f"{path}: {doing} failed: No such file or directory.")
        return self._names[path]

    def _need_dir(self, path: str, doing: str) -> None:
        if path not in self._directories:
            raise StoreError(f"{path}: {doing} failed: No such file or directory.")


class MemoryLock:
    """Locks that share `locked` are on one machine; a new set is the machine after its power came back."""

    def __init__(self, locked: set[str]) -> None:
        self._names_locked = locked
        self._path: str | None = None

    def acquire(self, path: str) -> bool:
        if path in self._names_locked:
            return False
        self._names_locked.add(path)
        self._path = path
        return True

    def release(self) -> None:
        if self._path is not None:
            self._names_locked.discard(self._path)
            self._path = None


class _MemoryReader(Reader):
    def __init__(self, data: bytes, stat: Stat) -> None:
        self._data = data
        self._stat = stat

    def stat(self) -> Stat:
        return self._stat

    def read(self, start: int, stop: int) -> bytes:
        return self._data[start:stop]

    def close(self) -> None:
        """Nothing is open."""


class AppendingStream:
    """A file open for writing whose every write is an `append`."""

    def __init__(self, store: AppendLog, path: str) -> None:
        self._store = store
        self._path = path
        self._position = 0
        self.closed = False

    def tell(self) -> int:
        return self._position

    def write(self, data: Data, /) -> None:
        self._store.append(self._path, data)
        self._position += len(memoryview(data))

    def close(self) -> None:
        self.closed = True
