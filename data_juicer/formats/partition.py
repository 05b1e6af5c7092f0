"""What a worker does with formats: read the rows of a partition, encode its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from data_juicer.formats.compression import compress
from data_juicer.formats.jsonl.write import encode_rows
from data_juicer.rows.batch import STATS_FIELD

if TYPE_CHECKING:
    from data_juicer.formats.base import Compression, Format, Fragment, FragmentReader, ReadRows
    from data_juicer.rows.batch import Batch


class Readable(Protocol):
    """What is read of a partition; `plan.partitions.PartitionSpec` is one."""

    @property
    def path(self) -> str:
        """The file to read: the source or a copy."""

    @property
    def format(self) -> Format: ...

    @property
    def fragment(self) -> Fragment: ...

    @property
    def is_copy(self) -> bool:
        """Whether `path` holds this fragment alone, from its first byte on."""


def read_partition(partition: Readable, text_keys: tuple[str, ...], row_bytes_max: int) -> ReadRows:
    """The good rows of a partition as a batch and the bad ones by name, see `formats.base.FragmentReader`."""
    reader = _reader(partition.format)
    offset = 0 if partition.is_copy else None
    return reader(partition.path, partition.fragment, text_keys, row_bytes_max=row_bytes_max, offset=offset)


def encode_result(batch: Batch, result_format: Format, compression: Compression, keep_stats: bool) -> bytes:
    """The file of these rows. JSON Lines files, packed ones too, may be joined by joining their bytes.

    Args:
        result_format: parquet only for rows that came from Parquet.
        compression: of JSON Lines; Parquet packs its own pages.
        keep_stats: export the figures of filters.
    """
    if not keep_stats:
        batch = batch.without_field(STATS_FIELD)
    if result_format == "jsonl":
        return compress(encode_rows(batch, keep_stats=keep_stats), compression)
    from data_juicer.formats.parquet.write import encode_table, parquet_bytes

    return parquet_bytes(encode_table(batch, keep_stats=keep_stats))


def encode_intermediate(
    batch: Batch,
    file_format: Literal["parquet", "arrow", "jsonl"],
    compression: Literal["snappy", "gzip", "zstd", "lz4", "none"],
) -> bytes:
    """Whole rows with all figures, for people to open. The compression must be one that the format has."""
    if file_format == "jsonl":
        if compression in {"snappy", "lz4"}:
            raise ValueError(f"JSON Lines cannot be compressed with {compression}")
        return compress(encode_rows(batch, keep_stats=True), compression)  # type: ignore[arg-type]
    from data_juicer.formats.parquet.write import arrow_bytes, parquet_bytes, whole_table

    table = whole_table(batch)
    return parquet_bytes(table, compression) if file_format == "parquet" else arrow_bytes(table, compression)


def _reader(file_format: Format) -> FragmentReader:
    if file_format == "parquet":
        from data_juicer.formats.parquet import read as parquet

        return parquet.read_fragment
    from data_juicer.formats.jsonl import read as jsonl

    return jsonl.read_fragment
