"""The contract of a store, kept with what a disk can do: writes, syncs, links and renames, each a point where power may fail.

Bytes are durable after `sync`, names after `sync_dir` of their directory. A file that is put is written aside, synced,
renamed onto its name (or linked to it, where the name must be free: the first link wins), and its directory is synced.
`PosixStore` is the real disk, `MemoryStore` one that forgets what was not synced, `testing.CrashingStore` one whose power
fails: all three run the steps below, so that every crash can be rehearsed.
"""

from __future__ import annotations

import builtins
import contextlib
import itertools
import os
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Protocol

from data_juicer.errors import StoreError
from data_juicer.storage.base import Store
from data_juicer.storage.capabilities import AppendLog, OwnDirectory, PathDirectory
from data_juicer.storage.files import Data, Upload

ASIDE_SUFFIX = ".aside"
"""Ends the names of files that are not whole yet, and nothing else."""
COPY_BYTES = 1 << 20
_NUMBERS = itertools.count()
"""Threads of one process may put the same file at once."""


class Sink(Protocol):
    """A file that is open to be written from its start to its end."""

    @property
    def closed(self) -> bool: ...
    def write(self, data: Data, /) -> object:
        """Raises: StoreError."""

    def tell(self) -> int: ...
    def close(self) -> None: ...


class DiskStore(Store, AppendLog):
    """A store on a disk. Paths are strings; a directory must be there before files are made in it."""

    # ---- what the disk can do

    @abstractmethod
    def write(self, path: str, data: Data) -> None:
        """Create the file, or overwrite it."""

    @abstractmethod
    def create(self, path: str, size_bytes: int | None = None) -> Sink:
        """A new, empty file to write a stream into, replacing what has the name.

        Args:
            size_bytes: how large it will be, where that is known.
        """

    @abstractmethod
    def sync(self, path: str) -> None:
        """Make the bytes of the file durable."""

    @abstractmethod
    def sync_dir(self, path: str) -> None:
        """Make the names in the directory durable."""

    @abstractmethod
    def link(self, source: str, target: str) -> bool:
        """Give the file a second name. False, with nothing done, when the name is taken."""

    @abstractmethod
    def replace(self, source: str, target: str) -> None:
        """Rename, replacing what has the name."""

    @abstractmethod
    def make_dirs(self, path: str) -> None:
        """The directory and those above it, durably; no error when they are there."""

    @abstractmethod
    def exclusive(self, path: str) -> contextlib.AbstractContextManager[None]:
        """Keep out all others who ask for the same path, on every machine that has the disk, until the block ends."""

    def write_durably(self, path: str, data: Data) -> None:
        """Write the file and make its bytes durable; its name is so once its directory is synced.

        One step only where the disk says so: a crash between the two must be rehearsed.
        """
        self.write(path, data)
        self.sync(path)

    def copy_into(self, source: str, sink: Sink) -> None:
        """Write the whole of a file into a stream. Raises: FileNotFoundError."""
        with self.open_read(source) as reader:
            for chunk in reader.chunks(COPY_BYTES):
                sink.write(chunk)

    # ---- the contract

    def put(self, path: str, data: Data) -> None:
        aside = self.aside(path)
        try:
            self.write_durably(aside, data)
            self.replace(aside, path)
        except Exception:
            self.remove(aside)
            raise
        self.sync_dir(os.path.dirname(path))

    def put_if_absent(self, path: str, data: Data) -> bool:
        aside = self.aside(path)
        try:
            self.write_durably(aside, data)
            first = self.link(aside, path)
        finally:
            self.remove(aside)
        self.sync_dir(os.path.dirname(path))
        return first

    def put_if_unchanged(self, path: str, data: Data, version: str) -> bool:
        with self.exclusive(path):
            try:
                if self.stat(path).version != version:
                    return False
            except FileNotFoundError:
                return False
            self.put(path, data)
        return True

    def stage(self, path: str, data: Data) -> None:
        self.write_durably(path, data)
        self.sync_dir(os.path.dirname(path))

    @contextlib.contextmanager
    def stage_many(self, directory: str) -> Iterator[Callable[[str, Data], None]]:
        def stage(name: str, data: Data) -> None:
            self.write_durably(os.path.join(directory, name), data)

        yield stage
        self.sync_dir(directory)

    def make_durable(self, paths: Iterable[str]) -> None:
        directories: dict[str, None] = {}
        for path in paths:
            self.sync(path)
            directories[os.path.dirname(path)] = None
        for directory in directories:
            self.sync_dir(directory)

    def new_upload(
        self, path: str, writer: str = "", size_bytes: int | None = None, *, beside: bool = False
    ) -> Upload:
        return _DiskUpload(self, self.aside(_hidden(path, writer) if writer else path), size_bytes)

    def adopt_upload(self, path: str, writer: str, ticket: str, size_bytes: int) -> Upload:
        directory, prefix = os.path.split(f"{_hidden(path, writer)}.")
        name = os.path.basename(ticket)
        if not (name.startswith(prefix) and name.endswith(ASIDE_SUFFIX)):
            raise ValueError(f"{ticket} is no upload of {writer} for {path}")
        return _AdoptedUpload(self, os.path.join(directory, name), size_bytes)

    def discard_uploads(self, path: str, writer: str) -> None:
        directory, prefix = os.path.split(f"{_hidden(path, writer)}.")
        for name in self.list(directory):
            if name.startswith(prefix) and name.endswith(ASIDE_SUFFIX):
                self.remove(os.path.join(directory, name))

    def publish(self, uploads: Iterable[tuple[Upload, str]]) -> None:
        directories: dict[str, None] = {}
        for upload, path in uploads:
            if not isinstance(upload, _DiskUpload | _AdoptedUpload):
                raise TypeError("an upload is published by the store that it was begun on")
            self.replace(upload.aside, path)
            upload.is_settled = True
            directories[os.path.dirname(path)] = None
        for directory in directories:
            self.sync_dir(directory)

    def move(self, pairs: Iterable[tuple[str, str]]) -> builtins.list[str]:
        directories: set[str] = set()
        moved = []
        for path, target in pairs:
            try:
                self.replace(path, target)
            except StoreError:
                if self.exists(path):
                    raise
                continue
            moved.append(target)
            directories |= {os.path.dirname(path), os.path.dirname(target)}
        for directory in sorted(directories):
            self.sync_dir(directory)
        return moved

    def remove_all(self, paths: Iterable[str]) -> builtins.list[StoreError]:
        directories: dict[str, None] = {}
        refused = []
        for path in paths:
            directories[os.path.dirname(path)] = None
            try:
                self.remove(path)
            except StoreError as error:
                refused.append(error)
        for directory in directories:
            self.sync_dir(directory)
        return refused

    # ---- logs

    @property
    def logs(self) -> AppendLog:
        return self

    def flush(self, path: str) -> None:
        self.sync(path)
        self.sync_dir(os.path.dirname(path))

    def rotate(self, path: str, older: str) -> None:
        self.replace(path, older)

    # ---- owners

    def open_own(self, path: str) -> contextlib.AbstractContextManager[OwnDirectory | None]:
        return contextlib.nullcontext(PathDirectory(self, path) if self.exists(path) else None)

    # ---- files that are not whole yet

    def aside(self, path: str) -> str:
        """A name beside the path that nobody else uses, nor this process for anything else."""
        return f"{path}{_mark()}{next(_NUMBERS)}{ASIDE_SUFFIX}"

    def is_own_aside(self, path: str) -> bool:
        """Whether this process made the name."""
        return path.endswith(ASIDE_SUFFIX) and _mark() in path


class _DiskUpload(Upload):
    """A file aside, named when it is published."""

    def __init__(self, store: DiskStore, aside: str, size_bytes: int | None) -> None:
        self._store = store
        self.aside = aside
        self.is_settled = False
        """It has its name, or is gone."""
        self._sink = store.create(aside, size_bytes)
        self._size_bytes = 0
        """When it was sealed."""

    def write(self, data: Data) -> int:
        if not self.is_settled:
            self._sink.write(data)
        return len(memoryview(data))

    def append_file(self, path: str) -> None:
        self._store.copy_into(path, self._sink)

    def tell(self) -> int:
        return self._size_bytes if self._sink.closed else self._sink.tell()

    def seal(self) -> None:
        if not self._sink.closed:
            self._size_bytes = self._sink.tell()
            self._sink.close()
            self._store.sync(self.aside)

    def ticket(self) -> str:
        return os.path.basename(self.aside)

    def modified_ns(self) -> int:
        return self._store.stat(self.aside).modified_ns

    def discard(self) -> None:
        if not self.is_settled:
            self.is_settled = True
            self._sink.close()
            self._store.remove(self.aside)


class _AdoptedUpload(Upload):
    """A file aside that another process wrote and sealed."""

    def __init__(self, store: DiskStore, aside: str, size_bytes: int) -> None:
        self._store = store
        self.aside = aside
        self.is_settled = False
        """It has its name, or is gone."""
        self._size_bytes = size_bytes

    def write(self, data: Data) -> int:
        raise ValueError(f"{self.aside} is sealed")

    def append_file(self, path: str) -> None:
        raise ValueError(f"{self.aside} is sealed")

    def tell(self) -> int:
        return self._size_bytes

    def seal(self) -> None:
        """It is."""

    def ticket(self) -> str:
        return os.path.basename(self.aside)

    def modified_ns(self) -> int:
        return self._store.stat(self.aside).modified_ns

    def discard(self) -> None:
        if not self.is_settled:
            self.is_settled = True
            self._store.remove(self.aside)


def _hidden(path: str, writer: str) -> str:
    directory, name = os.path.split(path)
    return os.path.join(directory, f".{name}.{writer}")


def _mark() -> str:
    return f".{_token(os.getpid())}."


@cache
def _token(pid: int) -> int:  # noqa: ARG001 - a process that was forked draws its own
    """A number of this process alone: containers that share a disk often have equal process ids."""
    return int.from_bytes(os.urandom(6))
