"""What the shards of a resolve leave for those of the next step: a file of records, in sections, and the manifest that commits it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from data_juicer.errors import CheckpointCorruptError
from data_juicer.portable import PortableMsgpack, encode_msgpack
from data_juicer.storage.base import Store
from data_juicer.store.commit import check_file
from data_juicer.store.decisions import Decision
from data_juicer.store.manifest import FileName, Manifest
from data_juicer.store.resolve.known_tables import KnownTables
from data_juicer.store.versioned_json import FORMAT_VERSION, VersionedJson

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """What a resolve reads."""

    known: KnownTables
    manifests: list[Manifest]
    """Of all summaries, in the order of the input."""


Step = Literal["check", "meet", "compare", "join", "count", "rank", "choose", "arrange", "decide"]
"""The first leaves no file."""


class Section(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Some records of a shard: a range of bytes of its file. `digest` is the xxh3-128 of it in hex."""

    number: int
    """What the records are about, such as a group of rows."""
    file: FileName
    byte_start: int
    byte_stop: int
    digest: str


class ShardManifest(msgspec.Struct, frozen=True, kw_only=True):
    """A committed shard of a resolve."""

    format_version: int = FORMAT_VERSION
    job: str
    operator_index: int
    step: Step
    number: int
    key: str
    """Of the resolve, the step, and how it is cut into shards."""
    file: FileName
    size_bytes: int
    sections: tuple[Section, ...] = ()
    """Rising by number; several may be about one group."""
    decisions: tuple[Decision, ...] = ()
    """Of the last step, whose file is beside the checkpoints."""
    run: int
    created: str
    """ISO 8601; for people, compared with nothing."""


_CODEC: Final = VersionedJson(ShardManifest)
_CATALOGUE: Final[PortableMsgpack[Catalogue]] = PortableMsgpack(Catalogue)


def encode_catalogue(manifests: Iterable[Manifest], known: KnownTables) -> bytes:
    """The manifests of all summaries, in the order of the input, with what shards need of them."""
    needed = [
        msgspec.structs.replace(manifest, operators=(), ledgers=manifest.ledgers[-2:], traces=(), produced=())
        for manifest in manifests
    ]
    return encode_msgpack(Catalogue(known=known, manifests=needed))


def decode_catalogue(data: bytes) -> Catalogue:
    """What `encode_catalogue` was given; of this run, so that it is no foreign document."""
    return _CATALOGUE.decode(data)


def stage_sections(
    store: Store, path: str, parts: Iterable[tuple[int, npt.NDArray[np.void]]]
) -> tuple[Section, ...]:
    """Write records, durably.

    Args:
        parts: the number of a section and its records.
    Raises: StoreError.
    """
    import numpy as np
    import xxhash

    name, stop, sections = os.path.basename(path), 0, []
    with store.open_write(path) as sink:
        for number, records in parts:
            if not len(records):
                continue
            data = np.ascontiguousarray(records).tobytes()
            sink.write(data)
            start, stop = stop, stop + len(data)
            digest = xxhash.xxh3_128_hexdigest(data)
            sections.append(
                Section(number=number, file=name, byte_start=start, byte_stop=stop, digest=digest)
            )
    return tuple(sections)


def read_section(store: Store, directory: str, section: Section, kind: npt.DTypeLike) -> npt.NDArray[Any]:
    """Raises: CheckpointCorruptError: it is not what was committed."""
    import numpy as np

    path, size = os.path.join(directory, section.file), section.byte_stop - section.byte_start
    try:
        data = store.read_range(path, section.byte_start, section.byte_stop)
    except FileNotFoundError as error:
        raise CheckpointCorruptError(f"{section.file} is missing.") from error
    check_file(data, f"{section.file}, section {section.number},", size, section.digest)
    return np.frombuffer(data, kind)


def read_sections(
    store: Store, directory: str, sections: Iterable[Section], kind: npt.DTypeLike
) -> Iterator[npt.NDArray[Any]]:
    """Raises: CheckpointCorruptError: one is not what was committed."""
    for section in sections:
        yield read_section(store, directory, section, kind)


def commit_shard(store: Store, path: str, manifest: ShardManifest) -> None:
    """Make a shard count; one of an earlier attempt does already, and holds the same."""
    store.put_if_absent(path, _CODEC.encode(manifest))


def read_shard(store: Store, path: str) -> ShardManifest:
    """Raises: CheckpointCorruptError: not such a manifest. NewerFormatError, FileNotFoundError."""
    return _CODEC.decode(store.read(path), path)
