"""metadata/dataset_mapping.json: which rows of which file each partition is. Pure."""

from __future__ import annotations

import functools
import posixpath
import sys
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from data_juicer.errors import CheckpointCorruptError
from data_juicer.formats.base import Fragment, FragmentLimits, LeftOut, SourceFile
from data_juicer.plan.partitions import PartitionSpec, SourcePart
from data_juicer.store.versioned_json import FORMAT_VERSION, VersionedJson

READABLE_PARTITIONS_MAX: Final = 1000
Materialize = Literal["auto", "always"]


class DatasetMapping(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What a scan found.

    `limits`, `materialize` and `with_suffix` are what it was asked for: with others it has to be done again.
    Documents with joined files have a format of their own, since earlier versions would read the first file alone.
    """

    format_version: int = FORMAT_VERSION
    limits: FragmentLimits
    materialize: Materialize
    with_suffix: bool = False
    joins: bool = False
    """Whether small files are joined, wherever there are some side by side."""
    left_out: tuple[LeftOut, ...] = ()
    """The files of folders and patterns that are not read, counted by suffix."""
    sources: tuple[SourceFile, ...]
    partitions: tuple[PartitionSpec, ...]

    @property
    def rows(self) -> int:
        return sum(partition.rows for partition in self.partitions)

    def partition(self, partition_id: int) -> PartitionSpec:
        """The partition with this id: nearly always the one at that place. Raises: KeyError."""
        if partition_id < len(self.partitions):
            spec = self.partitions[partition_id]
            if spec.partition_id == partition_id:
                return spec
        return self._by_id[partition_id]

    @functools.cached_property
    def _by_id(self) -> dict[int, PartitionSpec]:
        return {spec.partition_id: spec for spec in self.partitions}

    def only(self, partition_ids: Sequence[int]) -> list[PartitionSpec]:
        """These partitions, in the order of the output."""
        wanted = set(partition_ids)
        return [partition for partition in self.partitions if partition.partition_id in wanted]

    def empty_sources(self) -> list[SourceFile]:
        """Sources without a single row."""
        filled = {source for partition in self.partitions for source in partition.source_indexes}
        return [source for source in self.sources if source.index not in filled]


class _Sources(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a mapping as tells whether the input is what it was."""

    format_version: int
    sources: tuple[SourceFile, ...]


class _Limits(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a mapping as tells how large partitions may be."""

    format_version: int
    limits: FragmentLimits


JOINED_FORMAT_VERSION: Final = 3
"""Of a mapping in which a partition has several fragments."""
_CODEC: Final = VersionedJson(DatasetMapping, JOINED_FORMAT_VERSION)
_PLAIN_CODEC: Final = VersionedJson(DatasetMapping)
_LIMITS_CODEC: Final = VersionedJson(_Limits, JOINED_FORMAT_VERSION)
_SOURCES_CODEC: Final = VersionedJson(_Sources, JOINED_FORMAT_VERSION)


def encode_mapping(mapping: DatasetMapping) -> bytes:
    """JSON, indented as long as a person might read it.

    A partition names its source by index alone, and its copy by the name that it has in `partitions/`, wherever that is.
    """
    specs = tuple(_on_disk(spec) for spec in mapping.partitions)
    is_joined = any(spec.more for spec in specs)
    version, codec = (JOINED_FORMAT_VERSION, _CODEC) if is_joined else (FORMAT_VERSION, _PLAIN_CODEC)
    document = msgspec.structs.replace(mapping, format_version=version, partitions=specs)
    is_readable = sum(1 + len(spec.more) for spec in specs) <= READABLE_PARTITIONS_MAX
    return codec.encode(document, indent=1 if is_readable else None)


def _on_disk(spec: PartitionSpec) -> PartitionSpec:
    more = tuple(
        msgspec.structs.replace(part, source_path="", copy_path=posixpath.basename(part.copy_path))
        for part in spec.more
    )
    copy_path = posixpath.basename(spec.copy_path)
    return msgspec.structs.replace(spec, source_path="", copy_path=copy_path, more=more)


def decode_mapping(data: bytes | memoryview, path: str, copies_dir: str) -> DatasetMapping:
    """The mapping in a file, its partitions with the paths that they have now.

    Args:
        copies_dir: the job's `partitions/`.
    Raises: CheckpointCorruptError: torn or damaged, which is answered by scanning again. NewerFormatError.
    """
    mapping = _CODEC.decode(data, path)
    paths = {source.index: source.path for source in mapping.sources}
    before: Fragment | None = None
    for spec in mapping.partitions:  # nobody else has seen them yet
        _share(spec, before)
        before = spec.fragment
        parts: tuple[PartitionSpec | SourcePart, ...] = (spec, *spec.more)
        for part in parts:
            if part.fragment.source not in paths:
                raise CheckpointCorruptError(
                    f"{path}: damaged: it has no source {part.fragment.source}, which is that of partition {spec.partition_id}."
                )
            msgspec.structs.force_setattr(part, "source_path", paths[part.fragment.source])
            if part.copy_path:
                copy_path = posixpath.join(copies_dir, posixpath.basename(part.copy_path))
                msgspec.structs.force_setattr(part, "copy_path", copy_path)
    return mapping


def _share(spec: PartitionSpec, before: Fragment | None) -> None:
    """Have equal values of a partition and the fragment before it be one object: of a hundred thousand that is 15 MB less."""
    force = msgspec.structs.force_setattr
    parts: tuple[PartitionSpec | SourcePart, ...] = (spec, *spec.more)
    for part in parts:
        force(part, "format", sys.intern(part.format))
    if spec.position == spec.partition_id:
        force(spec, "position", spec.partition_id)
    if before is not None and spec.fragment.row_start == before.row_stop:
        force(spec.fragment, "row_start", before.row_stop)
    if before is not None and spec.fragment.byte_start == before.byte_stop:
        force(spec.fragment, "byte_start", before.byte_stop)


def decode_sources(data: bytes | memoryview, path: str) -> tuple[SourceFile, ...]:
    """The sources of a mapping alone, which does not take longer the more partitions there are to be made.

    Raises: CheckpointCorruptError, NewerFormatError.
    """
    return _SOURCES_CODEC.decode(data, path).sources


def decode_limits(data: bytes | memoryview, path: str) -> FragmentLimits:
    """How large the partitions of a mapping may be, which does not take longer the more there are to be made.

    Raises: CheckpointCorruptError, NewerFormatError.
    """
    return _LIMITS_CODEC.decode(data, path).limits
