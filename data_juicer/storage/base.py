"""The seam between data_juicer and disks: few primitives, each one a point at which a machine may die.

`PosixStore` is the real one; `MemoryStore` forgets what was not synced. Everything that a job writes goes through here,
so that every crash can be rehearsed. OS errors become `StoreError` at this border.
"""

from __future__ import annotations

import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO, Literal, Self

from data_juicer.storage.directory import OwnDirectory, PathDirectory

Data = bytes | bytearray | memoryview
Kind = Literal["file", "directory", "other"]
"""`other` is what cannot be read by ranges: pipes, sockets, devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """What is known of a file or directory without reading it."""

    size_bytes: int
    modified_ns: int
    """When the bytes were changed last; 0 where it is not known."""
    identity: str
    """Equal for all names of one file: device and inode where there are such, else the name itself."""
    kind: Kind = "file"

    @property
    def is_directory(self) -> bool:
        return self.kind == "directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a directory holds under one name."""

    name: str
    path: str
    kind: Kind
    """Of what a link leads to; a link to nothing counts as a file."""
    is_link: bool = False


class Reader(ABC):
    """One version of a file, open to be read by ranges; closed at the end of a `with` block."""

    @abstractmethod
    def stat(self) -> Stat: ...

    @abstractmethod
    def read(self, start: int, stop: int) -> bytes:
        """The bytes [start, stop), fewer where the file ends before `stop`. Raises: StoreError."""

    @abstractmethod
    def close(self) -> None:
        """No error when it is closed already."""

    def chunks(self, size_bytes: int) -> Iterator[bytes]:
        """The whole file in chunks of so many bytes, the last one shorter."""
        start = 0
        while chunk := self.read(start, start + size_bytes):
            yield chunk
            start += len(chunk)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Store(ABC):
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

    @abstractmethod
    def open_read(self, path: str) -> Reader:
        """Raises: FileNotFoundError, StoreError."""

    def map(self, path: str) -> Data:
        """The bytes of a file without copying them, where the file system can. Raises: FileNotFoundError."""
        return self.read(path)

    @abstractmethod
    def stat(self, path: str) -> Stat:
        """Of what a link leads to. Raises: FileNotFoundError, StoreError."""

    @abstractmethod
    def entries(self, path: str) -> list[Entry]:
        """What a directory holds, sorted by name; nothing when there is no such directory. Raises: StoreError."""

    def resolve(self, path: str) -> str:
        """The path without links, as far as it is there."""
        return path

    @abstractmethod
    def size(self, path: str) -> int:
        """Raises: FileNotFoundError."""

    def modified_ns(self, path: str) -> int:
        """When the bytes were changed last, in nanoseconds; 0 where it is not known. Raises: FileNotFoundError."""
        return 0

    def volume(self, path: str) -> int | None:
        """Equal for paths whose free bytes are the same ones; None where it is not known."""
        return None

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

    # ---- whose directories are, where a store has owners

    def find_foreign(self, path: str) -> str | None:
        """Why somebody else decides about what lies in a directory, such as "belongs to user nobody (65534)".

        None where nobody does, where there is no such directory, and where the store knows no owners.
        """
        return None

    def find_open_to_all(self, path: str) -> str | None:
        """What of a directory lets other users replace files in it that are not theirs; None where that is not so."""
        return None

    def is_same(self, path: str, other: str) -> bool:
        """Whether two paths lead to one file or directory that exists; what is not there is the same by its name alone."""
        return path == other

    def find_untrusted(self, path: str) -> str | None:
        """Who besides this user and the administrator can change a file, or a folder above it; None where nobody can."""
        return None

    def find_kind(self, path: str) -> str | None:
        """What a path leads to if that is no file, such as "a directory" or "a pipe"; None for a file or nothing."""
        return None

    def make_own_dir(self, path: str) -> None:
        """`make_dirs`, with a last directory that nobody else may write into, whatever the umask says."""
        self.make_dirs(path)

    def open_own(self, path: str) -> contextlib.AbstractContextManager[OwnDirectory | None]:
        """A directory of this user's alone, held open; None where there is none, or where others may change it."""
        return contextlib.nullcontext(PathDirectory(self, path) if self.exists(path) else None)

    # ---- built from them

    def read_range(self, path: str, start: int, stop: int) -> bytes:
        """The bytes [start, stop), fewer where the file ends before `stop`. Raises: FileNotFoundError, StoreError."""
        with self.open_read(path) as reader:
            return reader.read(start, stop)

    def write_durably(self, path: str, data: Data) -> None:
        """Write, then sync the bytes and the name."""
        self.write(path, data)
        self.sync(path)
        self.sync_dir(os.path.dirname(path))

    def write_atomic(self, path: str, data: Data) -> None:
        """Replace the file by `data`: after a crash it holds the old bytes or the new ones, never a part."""
        aside = self.aside(path)
        try:
            self.write(aside, data)
            self.sync(aside)
            self.replace(aside, path)
        except Exception:
            self.remove(aside)
            raise
        self.sync_dir(os.path.dirname(path))

    def create_exclusive(self, path: str, data: Data) -> bool:
        """Create the file whole and durable, if the name is free. False, with nothing changed, when it is not."""
        aside = self.aside(path)
        try:
            self.write(aside, data)
            self.sync(aside)
            first = self.link(aside, path)
        finally:
            self.remove(aside)
        self.sync_dir(os.path.dirname(path))
        return first

    def aside(self, path: str) -> str:
        """A name beside the path that no other process uses."""
        return f"{path}.{_token(os.getpid())}{ASIDE_SUFFIX}"


ASIDE_SUFFIX = ".aside"


@cache
def _token(pid: int) -> int:  # noqa: ARG001 - a process that was forked draws its own
    """A number of this process alone: containers that share a disk often have equal process ids."""
    return int.from_bytes(os.urandom(6))
