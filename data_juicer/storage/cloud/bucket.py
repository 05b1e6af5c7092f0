"""The requests that an object store answers, and how it refuses them; each is sent once.

`obstore_bucket.py` sends them over the network, `testing.object_model` answers them from a model with faults.
`patience.py` repeats them, `object_store.py` makes the contract of a store of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol

import msgspec

from data_juicer.storage.files import Data


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a store knows of an object."""

    key: str
    size_bytes: int
    modified_s: float
    """When it was put, by the clock of the store."""
    version: str
    """What a put may demand: its ETag, at Google's its generation; empty where a listing does not tell it."""
    etag: str = ""
    """Its ETag, where that is not the version."""
    token: str = ""
    """What the put that made it carried, see `Bucket.put`; listings do not know it."""

    @property
    def content(self) -> str:
        """What a read may demand, and what changes with the bytes."""
        return self.etag or self.version


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What is below a prefix, up to its next slash."""

    objects: Sequence[Found]
    folders: Sequence[str]
    """Prefixes that go on, without the slash at their end."""


ABSENT: Final = ""
"""The version of an object that must not be there."""

FaultKind = Literal[
    "throttled",
    "conflict",
    "unavailable",
    "unreachable",
    "unclear",
    "cut",
    "beyond",
    "expired",
    "anonymous",
    "denied",
    "refused",
]
TRANSIENT: Final[frozenset[FaultKind]] = frozenset(
    {"throttled", "conflict", "unavailable", "unreachable", "unclear", "cut"}
)
"""Worth repeating."""
UNDECIDED: Final[frozenset[FaultKind]] = frozenset({"unavailable", "unclear", "cut"})
"""After which nobody knows whether the request had its effect."""
UNHEARD: Final[frozenset[FaultKind]] = frozenset({"unreachable", "unclear"})
"""The store has said nothing."""


class RequestFault(Exception):  # noqa: N818 - the store may answer the next one
    """A request that was not answered, or not as it was asked. `kind` says what may be done, the text what was found."""

    def __init__(self, kind: FaultKind, found: str) -> None:
        """
        Args:
            found: for people; holds no URL, which may carry a signature.
        """
        super().__init__(found)
        self.kind: FaultKind = kind


class ConditionFailed(Exception):  # noqa: N818 - no error, but an answer
    """The object is there although it must be absent, or has another version than the one that was named."""


class Multipart(Protocol):
    """An object that is put in parts; nobody sees it before `complete`."""

    @property
    def upload_id(self) -> str:
        """What the store calls it, for `Bucket.abort`; empty where it cannot be named."""

    def put_part(self, data: Data) -> None:
        """The next part; all but the last have the same size. Raises: RequestFault."""

    def complete(self, condition: str | None) -> None:
        """Raises: RequestFault, ConditionFailed; FileNotFoundError: it was aborted, or is complete already."""

    def abort(self) -> None:
        """Leave nothing after, as far as the store can. Raises: RequestFault."""


class Bucket(Protocol):
    """One bucket or container. Every method raises RequestFault."""

    scheme: str
    name: str
    requests: int
    """How many were sent so far."""

    def head(self, key: str) -> Found:
        """Raises: FileNotFoundError."""

    def get(
        self, key: str, start: int = 0, stop: int | None = None, version: str | None = None
    ) -> tuple[Found, bytes]:
        """The bytes [start, stop) of an object, fewer where it ends before, of this version alone if one is named.

        Raises: FileNotFoundError; ConditionFailed: it has another version.
        """

    def put(self, key: str, data: Data, token: str = "", condition: str | None = None) -> str:
        """Create or replace an object whole; returns its version.

        Args:
            token: kept with the object, so that whoever put it knows it again.
            condition: the version that it must have, ABSENT, or None for any.
        Raises: ConditionFailed.
        """

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects, in as few requests as the store allows; no error for one that is not there."""

    def list(self, prefix: str) -> Listing:
        """What is below a prefix that ends in a slash or is empty, page by page, up to the next slash."""

    def copy(self, source: str, target: str) -> None:
        """Without the bytes coming here. Raises: FileNotFoundError."""

    def begin(self, key: str, token: str, part_bytes: int) -> Multipart:
        """Begin to put an object in parts."""

    def uploads(self, key: str) -> Sequence[str]:
        """Those of this key that were begun and neither completed nor aborted; none where the store does not tell."""

    def abort(self, key: str, upload_id: str) -> None:
        """No error where there is no such upload any more."""
