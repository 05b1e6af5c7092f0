"""metadata/dataset_mapping.json: which rows of which file each partition is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from data_juicer.errors import ResumeRefusedError
from data_juicer.formats.base import FragmentLimits, SourceFile
from data_juicer.plan.partitions import PartitionSpec

FORMAT_VERSION: Final = 1
READABLE_PARTITIONS_MAX: Final = 1000
Materialize = Literal["auto", "always"]


class DatasetMapping(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan found.

    `limits`, `materialize` and `with_suffix` are what it was asked for: with others it has to be done again.
    """

    format_version: int = FORMAT_VERSION
    limits: FragmentLimits
    materialize: Materialize
    with_suffix: bool = False
    sources: tuple[SourceFile, ...]
    partitions: tuple[PartitionSpec, ...]

    @property
    def rows(self) -> int:
        return sum(partition.rows for partition in self.partitions)

    def only(self, partition_ids: Sequence[int]) -> list[PartitionSpec]:
        """These partitions, in the order of the output."""
        wanted = set(partition_ids)
        return [partition for partition in self.partitions if partition.partition_id in wanted]

    def in_input_order(self, partition_ids: Sequence[int]) -> list[int]:
        """These ids in the order of the output."""
        return [partition.partition_id for partition in self.only(partition_ids)]

    def empty_sources(self) -> list[SourceFile]:
        """Sources without a single row."""
        filled = {partition.fragment.source for partition in self.partitions}
        return [source for source in self.sources if source.index not in filled]


class _Version(msgspec.Struct):
    format_version: int


def encode_mapping(mapping: DatasetMapping) -> bytes:
    """JSON, indented as long as a person might read it."""
    data = msgspec.json.encode(mapping)
    return msgspec.json.format(data, indent=1) if len(mapping.partitions) <= READABLE_PARTITIONS_MAX else data


def decode_mapping(data: bytes) -> DatasetMapping | None:
    """The mapping in a file; None where the file is torn or garbled, which is answered by scanning again.

    Raises: ResumeRefusedError: a newer data_juicer wrote it.
    """
    try:
        version = msgspec.json.decode(data, type=_Version).format_version
        if version > FORMAT_VERSION:
            raise ResumeRefusedError(
                f"dataset_mapping.json has format_version {version}, this data_juicer knows up to {FORMAT_VERSION}. "
                "Nothing was changed. Resume the job with the newer data_juicer that began it."
            )
        return msgspec.json.decode(data, type=DatasetMapping)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
