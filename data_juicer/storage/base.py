"""The seam between data_juicer and where bytes are: the contract of a store, which disks and object stores can both keep.

Callers say what they mean: put this file, put it only if the name is free, publish what was streamed. How it becomes
durable is the store's affair: `storage.disk` does it with syncs, links and renames, an object store with conditional
requests. Nothing here knows directories, links, appends or syncs; what only some stores can do is a capability that a
store has or has not. docs/design/0020-storage.md has the reasons.
"""

from __future__ import annotations

import builtins
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator

from data_juicer.errors import StoreError
from data_juicer.storage.capabilities import AdvisoryLock, AppendLog, OwnDirectory
from data_juicer.storage.files import Data, Entry, Reader, Stat, Upload


class Store(ABC):
    """A place for files, each known by its location: an absolute path or a URI (`storage.uri`).

    What a call changes is durable when it returns, unless it says otherwise. Two calls are never one: after a crash the
    first may have happened without the second.
    """

    uri: str | None = None
    """What `storage.open_store` makes an equal store of in any process; None: this object is the only way to it."""

    @property
    def requests(self) -> int:
        """How many requests were sent over the network so far."""
        return 0

    @property
    def throttled(self) -> int:
        """How many of them were refused as too many."""
        return 0

    tells_changes: bool = False
    """Whether a file has changed exactly if its size or its time has, however soon after it was written."""
    has_links: bool = True
    """Whether a name may lead to where another one leads."""

    def at(self, path: str) -> Store:
        """The store of a location, whose capabilities count there; another one only where this one serves several."""
        return self

    # ---- reading

    @abstractmethod
    def read(self, path: str) -> bytes:
        """Raises: FileNotFoundError, StoreError."""

    def read_document(self, path: str) -> bytes | memoryview:
        """The same; a large one is not copied into memory, where the store need not. It is only ever replaced whole."""
        return self.read(path)

    @abstractmethod
    def open_read(self, path: str) -> Reader:
        """Raises: FileNotFoundError, StoreError."""

    @abstractmethod
    def stat(self, path: str) -> Stat:
        """Of what a link leads to. Raises: FileNotFoundError, StoreError."""

    def look(self, path: str) -> Stat:
        """Of a file, after making sure that it can be read. Raises: FileNotFoundError, StoreError."""
        with self.open_read(path) as reader:
            return reader.stat()

    @abstractmethod
    def entries(self, path: str) -> list[Entry]:
        """What a directory holds, sorted by name; nothing when there is no such directory. Raises: StoreError."""

    def read_range(self, path: str, start: int, stop: int) -> bytes:
        """The bytes [start, stop), fewer where the file ends before `stop`. Raises: FileNotFoundError, StoreError."""
        with self.open_read(path) as reader:
            return reader.read(start, stop)

    def exists(self, path: str) -> bool:
        try:
            self.stat(path)
        except FileNotFoundError:
            return False
        return True

    def list(self, path: str) -> list[str]:
        """Names in a directory, sorted; empty when there is no such directory. Raises: StoreError."""
        return [entry.name for entry in self.entries(path)]

    def used_bytes(self, path: str) -> int:
        """Bytes of the files below a directory, without those that links lead to; 0 where there is none.

        What cannot be read is not counted.
        """
        used = 0
        with contextlib.suppress(StoreError):
            for entry in self.entries(path):
                if entry.kind == "directory" and not entry.is_link:
                    used += self.used_bytes(entry.path)
                elif not entry.is_link:
                    with contextlib.suppress(FileNotFoundError):
                        used += self.stat(entry.path).size_bytes
        return used

    def resolve(self, path: str) -> str:
        """The path without links, as far as it is there."""
        return path

    # ---- writing

    @abstractmethod
    def put(self, path: str, data: Data) -> None:
        """Create or replace a file: whatever happens, it holds the old bytes or the new ones, never a part.

        Raises: StoreError.
        """

    @abstractmethod
    def put_if_absent(self, path: str, data: Data) -> bool:
        """Create a file whole, if nothing has the name; of all who try one succeeds.

        Returns: False, with nothing changed, where something has the name. Raises: StoreError.
        """

    def find_version(self, path: str) -> str:
        """That of a file as it is now, for `put_if_unchanged`; empty where there is none. Raises: StoreError."""
        try:
            return self.stat(path).version
        except FileNotFoundError:
            return ""

    @abstractmethod
    def put_if_unchanged(self, path: str, data: Data, version: str) -> bool:
        """Replace a file if it is still the version that `stat` gave; of all who try with one version one succeeds.

        Returns: False, with nothing changed, where it is another version or gone. Raises: StoreError.
        """

    @abstractmethod
    def stage(self, path: str, data: Data) -> None:
        """Store a file under a name that nobody knows yet: durable, but a part may be there after a crash before.

        Raises: StoreError.
        """

    @abstractmethod
    def stage_many(self, directory: str) -> contextlib.AbstractContextManager[Callable[[str, Data], None]]:
        """What stages a file, given its name in the directory and its bytes; all are durable when the block ends.

        Raises: StoreError.
        """

    @abstractmethod
    def write(self, path: str, data: Data) -> None:
        """Store a file that a crash may take, or a part of it. Raises: StoreError."""

    def make_durable(self, paths: Iterable[str]) -> None:
        """What was written stays. Raises: StoreError."""
        return

    @abstractmethod
    def new_upload(
        self, path: str, writer: str = "", size_bytes: int | None = None, *, beside: bool = False
    ) -> Upload:
        """Begin to stream a file that is to be published as `path`.

        Args:
            writer: who streams it, so that what a crash leaves of it is found by `discard_uploads`.
            size_bytes: how large it will be, where that is known, for the message of a full disk.
            beside: it may be published under other names beside `path`, which are chosen later.
        Raises: StoreError.
        """

    @abstractmethod
    def adopt_upload(self, path: str, writer: str, ticket: str, size_bytes: int) -> Upload:
        """A sealed upload of another process, to be published or discarded here.

        Args:
            path, writer: as it was begun.
            ticket: what it says of itself.
            size_bytes: what was written.
        """

    @abstractmethod
    def publish(self, uploads: Iterable[tuple[Upload, str]]) -> None:
        """Give sealed uploads their names, one after the other, replacing what has them. Raises: StoreError."""

    def discard_uploads(self, path: str, writer: str) -> None:
        """Remove what uploads of a writer left that were begun for this path and not published; they cannot be any more.

        Raises: StoreError.
        """
        return

    def end_uploads(self, directory: str, names: Iterable[str]) -> None:
        """End what uploads into a directory left that nobody will publish: no writer is at work there.

        Args:
            names: what the directory holds.
        Raises: StoreError.
        """
        return

    @contextlib.contextmanager
    def open_write(self, path: str) -> Iterator[Upload]:
        """A file to stream into, published when the block ends, and discarded if it raises. Raises: StoreError."""
        upload = self.new_upload(path)
        try:
            yield upload
            upload.seal()
            self.publish([(upload, path)])
        except BaseException:
            upload.discard()
            raise

    @abstractmethod
    def move(self, pairs: Iterable[tuple[str, str]]) -> builtins.list[str]:
        """Give files other names, which nothing has: (path, target). A crash may leave one both names, never none.

        Returns: the targets of those that were there; one that is gone is passed over. Raises: StoreError.
        """

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove a file; no error when it is not there. It may come back in a power loss. Raises: StoreError."""

    @abstractmethod
    def remove_all(self, paths: Iterable[str]) -> builtins.list[StoreError]:
        """Remove files that do not come back. Those that cannot be removed stay: returns why."""

    # ---- places for files, where the store has directories

    def make_dirs(self, path: str) -> None:
        """The directory and those above it; no error when they are there. Raises: StoreError."""
        return

    def check_writable(self, path: str) -> None:
        """Make sure that files can be made in a directory. Raises: StoreError."""
        return

    def remove_dir(self, path: str) -> None:
        """Remove the directory if it is there and empty."""
        return

    def free_bytes(self, path: str) -> int | None:
        """Room for new files below a path, which need not exist; None where it is not known."""
        return None

    def find_full(self, path: str) -> str | None:
        """Why no file can be made below a path, although bytes are free; None where one can, and where it is not known."""
        return None

    def volume(self, path: str) -> int | None:
        """Equal for paths whose free bytes are the same ones; None where it is not known."""
        return None

    # ---- capabilities

    @property
    def logs(self) -> AppendLog | None:
        """None where files cannot grow at their end."""
        return None

    def map(self, path: str) -> Data:
        """The bytes of a file without copying them, where the store can. Raises: FileNotFoundError, StoreError."""
        return self.read(path)

    def advisory_lock(self) -> AdvisoryLock | None:
        """A new lock of this machine, which nobody holds; None where the store has none."""
        return None

    def is_locked(self, path: str) -> bool:
        """Whether a process of this machine holds an advisory lock on the path. Creates nothing."""
        return False

    # ---- whose directories are, where a store has owners

    def find_foreign(self, path: str) -> str | None:
        """Why somebody else decides about what is in a directory, such as "belongs to user nobody (65534)".

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
        return contextlib.nullcontext(None)
