"""What only some stores can do: logs that grow at their end, locks of a machine, directories that are held open.

A store says with None that it lacks one (`Store.logs`, `Store.advisory_lock`, `Store.open_own`).
"""

from __future__ import annotations

import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Protocol

from data_juicer.storage.files import Data


class AppendLog(ABC):
    """Capability: files that grow at their end."""

    wait_s: float = 0.5
    """How old a line may grow before it is appended: more where each append costs more."""

    @abstractmethod
    def append(self, path: str, data: Data) -> None:
        """Add to the end of a file, creating it; a part of `data` may be there if this fails. Raises: StoreError."""

    @abstractmethod
    def truncate(self, path: str, size_bytes: int) -> None:
        """Raises: StoreError."""

    @abstractmethod
    def flush(self, path: str) -> None:
        """Make what was appended durable, and the names of the files beside it. Raises: StoreError."""

    @abstractmethod
    def rotate(self, path: str, older: str) -> None:
        """Give a log an older name, replacing what has it. Raises: StoreError."""


class AdvisoryLock(Protocol):
    """Capability: at most one holder of a path on this machine, gone with the process."""

    def acquire(self, path: str) -> bool:
        """False when somebody else holds it. Waits 0.1 s at most. Raises: StoreError."""

    def release(self) -> None:
        """No error when it is not held."""


class Paths(Protocol):
    """What of a store is needed to stand for its directories by their paths."""

    def list(self, path: str) -> list[str]: ...
    def read(self, path: str) -> bytes: ...
    def exists(self, path: str) -> bool: ...
    def remove(self, path: str) -> None: ...
    def remove_dir(self, path: str) -> None: ...
    def sync_dir(self, path: str) -> None: ...


class OwnDirectory(ABC):
    """Capability: a directory that belongs to this user, that nobody else may write into, and that is held open.

    Nothing in it is reached through a link, and nothing outside of it is touched: a path can be made to lead elsewhere
    between a look at it and a deed, a directory that is held open cannot. `name` is always one name in it.
    """

    @abstractmethod
    def list(self) -> list[str]:
        """Names, sorted."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The bytes of a regular file of the same owner.

        Raises: FileNotFoundError: there is no such file, or it is something else.
        """

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file; no error when it is not there. A link is removed, never what it leads to.

        Raises: StoreError: it is a directory, or belongs to somebody else.
        """

    def remove_log(self, name: str) -> None:
        """Remove a file that was appended to, which some stores keep as several objects; otherwise as `remove`."""
        self.remove(name)

    @abstractmethod
    def inside(self, name: str) -> contextlib.AbstractContextManager[OwnDirectory | None]:
        """A directory in this one; None where there is none, and for a link or a directory of somebody else."""

    @abstractmethod
    def remove_dir(self, name: str) -> None:
        """Remove a directory if it is there and empty."""

    @abstractmethod
    def sync(self) -> None:
        """Make the names durable."""


class PathDirectory(OwnDirectory):
    """A directory of a store without links and owners."""

    def __init__(self, store: Paths, path: str) -> None:
        self._store = store
        self._path = path

    def list(self) -> list[str]:
        return self._store.list(self._path)

    def read(self, name: str) -> bytes:
        return self._store.read(os.path.join(self._path, name))

    def remove(self, name: str) -> None:
        self._store.remove(os.path.join(self._path, name))

    @contextlib.contextmanager
    def inside(self, name: str) -> Iterator[OwnDirectory | None]:
        path = os.path.join(self._path, name)
        yield PathDirectory(self._store, path) if self._store.exists(path) else None

    def remove_dir(self, name: str) -> None:
        self._store.remove_dir(os.path.join(self._path, name))

    def sync(self) -> None:
        self._store.sync_dir(self._path)
