"""Files as a store shows them: what is known of one, one that is open to be read by ranges, and one that is streamed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Literal, Self

import msgspec

Data = bytes | bytearray | memoryview
Kind = Literal["file", "directory", "other"]
"""`other` is what cannot be read by ranges: pipes, sockets, devices."""


class Stat(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file or directory without reading it."""

    size_bytes: int
    modified_ns: int
    """When the bytes were changed last; 0 where it is not known."""
    identity: str
    """Equal for all names of one file: device and inode where there are such, else the name itself."""
    version: str = ""
    """Differs whenever the bytes may; what `put_if_unchanged` compares."""
    kind: Kind = "file"

    @property
    def is_directory(self) -> bool:
        return self.kind == "directory"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What a directory holds under one name."""

    name: str
    path: str
    kind: Kind
    """Of what a link leads to; a link to nothing counts as a file."""
    is_link: bool = False
    stat: Stat | None = None
    """Of a file, where the listing says."""


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

    def chunks(self, size_bytes: int, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes [start, stop), by default the whole file, in chunks of so many, the last one shorter."""
        while stop is None or start < stop:
            end = start + size_bytes
            chunk = self.read(start, end if stop is None else min(end, stop))
            if not chunk:
                return
            yield chunk
            start += len(chunk)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Upload(ABC):
    """A file that is streamed; nobody sees it before it is published. `write` and `tell` are those of a binary file."""

    closed = False

    @abstractmethod
    def write(self, data: Data) -> int:
        """Nothing happens after `discard`, since writers such as Arrow's write their end however late they are collected.

        Returns: how many bytes `data` holds. Raises: StoreError.
        """

    @abstractmethod
    def append_file(self, path: str) -> None:
        """Add the whole of another file of the store. Raises: FileNotFoundError, StoreError."""

    @abstractmethod
    def tell(self) -> int:
        """Bytes so far."""

    @abstractmethod
    def seal(self) -> None:
        """Nothing more is written: make the bytes durable, so that publishing them cannot fail for want of room."""

    def ticket(self) -> str:
        """By what another process can publish this upload, which is sealed and was begun `beside` (`Store.adopt_upload`)."""
        raise NotImplementedError

    def modified_ns(self) -> int:
        """What `stat` will say of it once it has its name; 0 where that is not known before."""
        return 0

    @abstractmethod
    def discard(self) -> None:
        """Leave nothing after; no error where it is published or discarded already."""

    def flush(self) -> None:
        """For writers that call it; `seal` makes bytes durable."""
        return
