"""The seam between data_juicer and disks: few primitives, each one a point at which a machine may die.

`LocalFileSystem` is the real one; `testing/` has one in memory that forgets what was not synced. Everything that a job
writes goes through here, so that every crash can be rehearsed. OS errors become `StoreError` at this border.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import BinaryIO

from data_juicer.storage.os_errors import free_bytes, translate_os_errors

Data = bytes | bytearray | memoryview


class FileSystem(ABC):
    """Paths are strings. Bytes are durable after `sync`, names after `sync_dir` of their directory."""

    # ---- primitives

    @abstractmethod
    def write(self, path: str, data: Data) -> None:
        """Create the file, or overwrite it."""

    @abstractmethod
    def append(self, path: str, data: Data) -> None:
        """Add to the end of the file, creating it."""

    @abstractmethod
    def create(self, path: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """A new, empty file to write a stream into."""

    @abstractmethod
    def truncate(self, path: str, size: int) -> None: ...

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
    def remove(self, path: str) -> None:
        """Remove the file; no error when it is not there."""

    @abstractmethod
    def make_dirs(self, path: str) -> None:
        """The directory and those above it, durably; no error when they are there."""

    @abstractmethod
    def remove_dir(self, path: str) -> None:
        """Remove the directory if it is there and empty."""

    @abstractmethod
    def read(self, path: str) -> bytes:
        """Raises: FileNotFoundError."""

    def map(self, path: str) -> Data:
        """The bytes of a file without copying them, where the file system can. Raises: FileNotFoundError."""
        return self.read(path)

    @abstractmethod
    def size(self, path: str) -> int:
        """Raises: FileNotFoundError."""

    def modified_ns(self, path: str) -> int:
        """When the bytes were changed last, in nanoseconds; 0 where it is not known. Raises: FileNotFoundError."""
        return 0

    @abstractmethod
    def exists(self, path: str) -> bool: ...

    @abstractmethod
    def list(self, path: str) -> list[str]:
        """Names in a directory, sorted; empty when there is no such directory."""

    @abstractmethod
    def concat(self, sources: Sequence[str], target: str, tick: Callable[[], None] = lambda: None) -> None:
        """Write the files one after the other into `target`, in bounded memory; `tick` is called before each."""

    def free_bytes(self, path: str) -> int | None:
        """Room for new files below a path, which need not exist; None where it is not known."""
        return None

    # ---- built from them

    def write_durably(self, path: str, data: Data) -> None:
        """Write, then sync the bytes and the name."""
        self.write(path, data)
        self.sync(path)
        self.sync_dir(os.path.dirname(path))

    def write_atomic(self, path: str, data: Data) -> None:
        """Replace the file by `data`: after a crash it holds the old bytes or the new ones, never a part."""
        aside = self._aside(path)
        self.write(aside, data)
        self.sync(aside)
        self.replace(aside, path)
        self.sync_dir(os.path.dirname(path))

    def create_exclusive(self, path: str, data: Data) -> bool:
        """Create the file whole and durable, if the name is free. False, with nothing changed, when it is not."""
        aside = self._aside(path)
        self.write(aside, data)
        self.sync(aside)
        first = self.link(aside, path)
        self.remove(aside)
        self.sync_dir(os.path.dirname(path))
        return first

    def _aside(self, path: str) -> str:
        return f"{path}.{_token(os.getpid())}{ASIDE_SUFFIX}"


ASIDE_SUFFIX = ".aside"


@cache
def _token(pid: int) -> int:  # noqa: ARG001 - a process that was forked draws its own
    """A number of this process alone: containers that share a disk often have equal process ids."""
    return int.from_bytes(os.urandom(6))


class LocalFileSystem(FileSystem):
    """Files of this machine, or of a mounted shared storage."""

    def write(self, path: str, data: Data) -> None:
        with _written(path, os.O_TRUNC, len(memoryview(data))) as descriptor:
            _write_all(descriptor, data)

    def append(self, path: str, data: Data) -> None:
        with _written(path, os.O_APPEND, len(memoryview(data))) as descriptor:
            _write_all(descriptor, data)

    @contextlib.contextmanager
    def create(self, path: str) -> Iterator[BinaryIO]:
        with translate_os_errors("writing", path), open(path, "wb") as stream:
            yield stream

    def truncate(self, path: str, size: int) -> None:
        with translate_os_errors("truncating", path):
            os.truncate(path, size)

    def sync(self, path: str) -> None:
        with translate_os_errors("syncing", path):
            _sync(path, os.O_RDONLY)

    def sync_dir(self, path: str) -> None:
        with translate_os_errors("syncing", path):
            _sync(path or ".", os.O_RDONLY | os.O_DIRECTORY)

    def link(self, source: str, target: str) -> bool:
        with translate_os_errors("linking", target):
            try:
                os.link(source, target)
            except FileExistsError:
                if not os.path.exists(target):  # a broken link has the name
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), target) from None
                return False
        return True

    def replace(self, source: str, target: str) -> None:
        with translate_os_errors("renaming", target):
            os.replace(source, target)

    def remove(self, path: str) -> None:
        with translate_os_errors("removing", path), contextlib.suppress(FileNotFoundError):
            os.remove(path)

    def make_dirs(self, path: str) -> None:
        path = os.path.abspath(path)
        if os.path.isdir(path):
            return
        parent = os.path.dirname(path)
        self.make_dirs(parent)
        with translate_os_errors("creating the directory", path):
            with contextlib.suppress(FileExistsError):
                os.mkdir(path)
            if not os.path.isdir(path):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
            _sync(parent, os.O_RDONLY | os.O_DIRECTORY)

    def remove_dir(self, path: str) -> None:
        with contextlib.suppress(OSError):
            os.rmdir(path)

    def read(self, path: str) -> bytes:
        with translate_os_errors("reading", path), open(path, "rb") as stream:
            return stream.read()

    def map(self, path: str) -> Data:
        with translate_os_errors("reading", path), open(path, "rb") as stream:
            if os.fstat(stream.fileno()).st_size == 0:
                return b""
            return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))

    def size(self, path: str) -> int:
        with translate_os_errors("reading", path):
            return os.stat(path).st_size

    def modified_ns(self, path: str) -> int:
        with translate_os_errors("reading", path):
            return os.stat(path).st_mtime_ns

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def list(self, path: str) -> list[str]:
        with translate_os_errors("listing", path):
            try:
                return sorted(os.listdir(path))
            except FileNotFoundError:
                return []

    def free_bytes(self, path: str) -> int | None:
        return free_bytes(path)

    def concat(self, sources: Sequence[str], target: str, tick: Callable[[], None] = lambda: None) -> None:
        with _written(target, os.O_TRUNC, _size_of_all(sources)) as out:
            for source in sources:
                tick()
                with _opened(source) as stream:
                    left = os.fstat(stream.fileno()).st_size
                    while left > 0:
                        copied = os.sendfile(out, stream.fileno(), None, left)
                        if copied == 0:
                            raise OSError(5, f"{source} became shorter while it was read")
                        left -= copied


def _opened(path: str) -> BinaryIO:
    with translate_os_errors("reading", path):
        return open(path, "rb")


@contextlib.contextmanager
def _written(path: str, flag: int, size_bytes: int) -> Iterator[int]:
    with translate_os_errors("writing", path, size_bytes):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flag, 0o644)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _size_of_all(paths: Sequence[str]) -> int:
    """A file that is not there is told of when it is read."""
    return sum(os.stat(path).st_size for path in paths if os.path.exists(path))


def _write_all(descriptor: int, data: Data) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _sync(path: str, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
