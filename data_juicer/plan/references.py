"""Files that rows refer to by path and that operators read: part of the input, like the rows themselves.

Each partition has one digest over the paths that its rows name and the digests of those files. Files with the size and time
of the last run keep their digests (`metadata/references.json`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import xxhash

from data_juicer.errors import CheckpointError, StoreError
from data_juicer.formats.partition import read_partition
from data_juicer.plan.keys import digest
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.storage.base import Store
from data_juicer.store.versioned_json import FORMAT_VERSION, VersionedJson

_CHUNK_BYTES: Final = 1 << 20
_NO_FILE: Final = "no file"


class ReferencedFile(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A file as it was when its digest was taken."""

    size_bytes: int
    modified_ns: int
    digest: str
    """xxh3-128 in hex; `no file` where there was none."""


class References(msgspec.Struct, frozen=True, kw_only=True):
    """Every file that the rows of a job refer to, by its path as the rows have it."""

    format_version: int = FORMAT_VERSION
    fields: tuple[str, ...] = ()
    files: dict[str, ReferencedFile] = {}


_CODEC: Final = VersionedJson(References)


def load_references(store: Store, path: str) -> References:
    """What the last run knew; nothing where that is missing or damaged, so that every file is read again."""
    try:
        return _CODEC.decode(store.read(path), path)
    except (FileNotFoundError, CheckpointError):
        return References()


def are_unchanged(store: Store, known: References) -> bool:
    """Whether every file has the size and time that it had."""
    return all(
        _seen(store, path) == (file.size_bytes, file.modified_ns) for path, file in known.files.items()
    )


def with_references(
    store: Store,
    path: str,
    partitions: Sequence[PartitionSpec],
    fields: tuple[str, ...],
    row_bytes_max: int,
    *,
    verify: bool,
    heartbeat: Callable[[str], None],
) -> tuple[PartitionSpec, ...]:
    """The partitions with the digests of the files that their rows refer to; what is known of these is written down.

    Reads every row, and every file whose size or time changed.

    Args:
        path: of `metadata/references.json`.
        fields: that hold paths; none: partitions are returned as they are, without digests.
        verify: read files again that seem unchanged.
    Raises: InputError, StoreError.
    """
    if not fields:
        if not any(spec.references for spec in partitions):
            return tuple(partitions)
        return tuple(_with_digest(spec, "") for spec in partitions)
    known = {} if verify else dict(load_references(store, path).files)
    files: dict[str, ReferencedFile] = {}
    made = []
    for spec in partitions:
        batch = read_partition(store, spec, (), row_bytes_max).batch
        names = sorted({name for field in fields for value in batch.column(field) for name in _paths(value)})
        for name in names:
            if name not in files:
                heartbeat(f"reading files that rows refer to: {len(files):,}")
                files[name] = _looked_at(store, name, known)
        made.append(
            _with_digest(spec, digest(*(part for name in names for part in (name, files[name].digest))))
        )
    store.put(path, _CODEC.encode(References(fields=fields, files=dict(sorted(files.items())))))
    return tuple(made)


def _with_digest(spec: PartitionSpec, references: str) -> PartitionSpec:
    return spec if spec.references == references else msgspec.structs.replace(spec, references=references)


def _paths(value: Any) -> Iterable[str]:
    """The paths that a field holds: a text, or the texts of a list."""
    if isinstance(value, str):
        return (value,)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else ()


def _seen(store: Store, path: str) -> tuple[int, int]:
    try:
        stat = store.stat(path)
    except (FileNotFoundError, StoreError, ValueError):  # a path with a NUL is none
        return (-1, 0)
    return (stat.size_bytes, stat.modified_ns)


def _looked_at(store: Store, path: str, known: Mapping[str, ReferencedFile]) -> ReferencedFile:
    size_bytes, modified_ns = _seen(store, path)
    earlier = known.get(path)
    if earlier is not None and (earlier.size_bytes, earlier.modified_ns) == (size_bytes, modified_ns):
        return earlier
    return ReferencedFile(size_bytes=size_bytes, modified_ns=modified_ns, digest=_digest_of(store, path))


def _digest_of(store: Store, path: str) -> str:
    state = xxhash.xxh3_128()
    try:
        with store.open_read(path) as reader:
            for chunk in reader.chunks(_CHUNK_BYTES):
                state.update(chunk)
    except (FileNotFoundError, StoreError, ValueError):
        return _NO_FILE
    return str(state.hexdigest())
