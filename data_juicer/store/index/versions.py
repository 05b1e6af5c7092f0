"""An index of rows that deduplicators kept, which outlives the jobs that filled it: a folder of versions and segments.

    version_000007.json     a version names every segment of it; it counts from the moment it has its name
    segments/               Parquet files, written once under names of the jobs that staged them

A version is made from the one before: it has what that has, and what one job added, or added anew. Of all who try to commit the
next number one succeeds; the others read what is there and try again on top of it.
"""

from __future__ import annotations

import os
import re
from typing import Any, Final

import msgspec
import xxhash

from data_juicer.errors import CheckpointCorruptError, CheckpointError, StoreError
from data_juicer.storage.base import Store
from data_juicer.store.manifest import FileName
from data_juicer.store.versioned_json import FORMAT_VERSION, VersionedJson

_NAME: Final = re.compile(r"version_(\d{6,12})\.json", re.ASCII)
_SIZE_BYTES_MAX: Final = 256 << 20
"""Of a version; it takes some 200 bytes a segment."""
_TRIES_MAX: Final = 1000


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A file of keys. `digest` is the xxh3-128 of it in hex."""

    file: FileName
    size_bytes: int
    digest: str
    rows: int


class IndexPin(msgspec.Struct, frozen=True, kw_only=True):
    """A version of an index as a job is compared with it."""

    path: str
    version: int
    """0: there was no index yet."""
    digest: str = ""
    """See `content_digest`."""


class IndexKeys(msgspec.Struct, frozen=True, kw_only=True):
    """All that makes the keys of two jobs comparable."""

    operator: str
    version: str
    parameters: dict[str, Any]

    def difference(self, other: IndexKeys) -> str:
        """What `other` has otherwise, for people; empty where the keys can be compared."""
        if self.operator != other.operator:
            return f"it holds keys of {other.operator}, not of {self.operator}"
        if self.version != other.version:
            return f"it holds keys of version {other.version} of {self.operator}, this is {self.version}"
        names = sorted({*self.parameters, *other.parameters})
        return ", ".join(
            f"{name} is {other.parameters.get(name)!r} there and {self.parameters.get(name)!r} here"
            for name in names
            if self.parameters.get(name) != other.parameters.get(name)
        )


class Addition(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that one deduplicator of one job kept."""

    job: str
    job_uuid: str
    operator_index: int
    key: str
    """What the rows were computed from: that of the resolve."""
    rows_in: int
    """Rows that were compared."""
    rows: int
    """Those of them that stayed, whose keys the segments hold."""
    compared_with: tuple[IndexPin, ...] = ()
    segments: tuple[Segment, ...]
    created: str
    """ISO 8601; for people, compared with nothing."""

    def is_of(self, job_uuid: str, operator_index: int) -> bool:
        return (self.job_uuid, self.operator_index) == (job_uuid, operator_index)


class IndexVersion(msgspec.Struct, frozen=True, kw_only=True):
    format_version: int = FORMAT_VERSION
    version: int
    keys: IndexKeys
    additions: tuple[Addition, ...]
    """In the order in which they were first committed: rows of an earlier one come before those of a later one."""

    @property
    def rows(self) -> int:
        return sum(addition.rows for addition in self.additions)

    @property
    def content_digest(self) -> str:
        """xxh3-128 in hex of the digests of all segments, in their order."""
        state = xxhash.xxh3_128()
        for addition in self.additions:
            for segment in addition.segments:
                state.update(f"{segment.digest} {segment.rows}\n".encode())
        return str(state.hexdigest())


_CODEC: Final = VersionedJson(IndexVersion)


def segments_dir(path: str) -> str:
    return os.path.join(path, "segments")


def version_numbers(store: Store, path: str) -> list[int]:
    """The numbers of the committed versions, rising. Raises: StoreError."""
    return sorted(int(match[1]) for name in store.list(path) if (match := _NAME.fullmatch(name)))


def find_newest(store: Store, path: str) -> IndexVersion | None:
    """None where there is no index. Raises: CheckpointCorruptError, NewerFormatError, StoreError."""
    number = max(version_numbers(store, path), default=0)
    while store.exists(os.path.join(path, _version_name(number + 1))):  # a listing may be late
        number += 1
    return read_version(store, path, number) if number else None


def read_version(store: Store, path: str, number: int) -> IndexVersion:
    """Raises: CheckpointCorruptError: there is no such version, or it is not what was committed. NewerFormatError, StoreError."""
    name = os.path.join(path, _version_name(number))
    try:
        size_bytes = store.stat(name).size_bytes
        if size_bytes > _SIZE_BYTES_MAX:
            raise CheckpointCorruptError(f"{name}: {size_bytes:,} bytes are too many for a version.")
        found = _CODEC.decode(store.read(name), name)
    except FileNotFoundError as error:
        raise CheckpointCorruptError(f"{path}: there is no version {number} of this index.") from error
    if found.version != number:
        raise CheckpointCorruptError(f"{name}: damaged: it says that it is version {found.version}.")
    return found


def commit_addition(store: Store, path: str, keys: IndexKeys, addition: Addition) -> IndexVersion:
    """Make what a job added count, once: nothing is done where the newest version has it.

    What the same deduplicator of the same job added before, to other rows, is replaced.

    Returns: the version that has it.
    Raises: CheckpointError: the index holds other keys. StoreError.
    """
    for _ in range(_TRIES_MAX):
        newest = find_newest(store, path)
        earlier = newest.additions if newest else ()
        if newest is not None:
            if difference := keys.difference(newest.keys):
                raise CheckpointError(
                    f"{path}: {difference}. What the job made is safe, the index unchanged."
                )
            if any(_is_same(other, addition) for other in earlier):
                return newest
        others = tuple(
            other for other in earlier if not other.is_of(addition.job_uuid, addition.operator_index)
        )
        made = IndexVersion(
            version=newest.version + 1 if newest else 1, keys=keys, additions=(*others, addition)
        )
        if store.put_if_absent(os.path.join(path, _version_name(made.version)), _CODEC.encode(made)):
            return made
    raise StoreError(f"{path}: {_TRIES_MAX} other versions were committed while this one was tried.")


def _is_same(one: Addition, other: Addition) -> bool:
    return one.is_of(other.job_uuid, other.operator_index) and one.key == other.key


def find_unnamed(store: Store, path: str, prefix: str = "") -> list[str]:
    """Files of segments that no version names, by name: of jobs that run, or that never came to their end.

    Args:
        prefix: only those whose names begin with it.
    Raises: CheckpointCorruptError, NewerFormatError: a version cannot be read, so that what it names is not known. StoreError.
    """
    there = [
        name
        for name in store.list(segments_dir(path))
        if name.startswith(prefix) and name.endswith(".parquet")
    ]
    if not there:
        return []
    named = {
        segment.file
        for number in version_numbers(store, path)
        for addition in read_version(store, path, number).additions
        for segment in addition.segments
    }
    return [name for name in there if name not in named]


def _version_name(number: int) -> str:
    return f"version_{number:06d}.json"
