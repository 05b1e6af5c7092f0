"""What a worker does with formats: read the rows of a partition, encode its result."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from data_juicer.errors import InputError, UnreadableSourceError
from data_juicer.formats.base import ExportOptions
from data_juicer.formats.registry import FORMATS, format_named
from data_juicer.rows.batch import STATS_FIELD

if TYPE_CHECKING:
    from data_juicer.formats.base import Compression, Fragment, OutputFormat, ReadRows, SourceFile
    from data_juicer.rows.batch import Batch
    from data_juicer.storage.base import Store


_AS_USUAL: Final = ExportOptions()


@functools.cache
def _writer(format_name: str, options: ExportOptions) -> OutputFormat:
    """Held, since one may have loaded a tokenizer."""
    return FORMATS[format_name].writer_with(options)


class ReadablePart(Protocol):
    """A fragment and the file that it is read from."""

    @property
    def path(self) -> str:
        """The file to read: the source or a copy."""

    @property
    def format(self) -> str: ...

    @property
    def fragment(self) -> Fragment: ...

    @property
    def is_copy(self) -> bool:
        """Whether `path` holds this fragment alone, from its first byte on."""


class Readable(ReadablePart, Protocol):
    """What is read of a partition; `plan.partitions.PartitionSpec` is one."""

    @property
    def more(self) -> Sequence[ReadablePart]:
        """The fragments that are read after the first; all of formats that may be joined."""


class UnreadableCopyError(InputError):
    """A copy of rows of the input cannot be read, or is not what the scan wrote."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.path = path


def check_source(
    store: Store, source: SourceFile, text_keys: Sequence[str], *, may_be_unreadable: bool = False
) -> None:
    """Refuse a source none of whose first rows can be read or has a text key. A source without rows is fine.

    Args:
        may_be_unreadable: every row of the job may be a dead letter, so that one is not refused for its rows.

    Raises:
        UnreadableSourceError: no row can be read, or has a text key; says what the source is and what to do.
        InputError: the source cannot be opened, or has no such column.
    """
    try:
        format_named(source.format).reader.check(store, source, text_keys)
    except UnreadableSourceError:
        if not may_be_unreadable:
            raise


def read_partition(
    store: Store,
    partition: Readable,
    text_keys: tuple[str, ...],
    row_bytes_max: int,
    *,
    null_is_empty: bool = False,
) -> ReadRows:
    """The good rows of a partition as a batch and the bad ones by name, see `formats.base.FragmentReader`.

    Raises: InputError: a source cannot be read, or is not what the scan saw. UnreadableCopyError.
    """
    parts = (partition, *partition.more)
    read = [_read_part(store, part, text_keys, row_bytes_max, null_is_empty=null_is_empty) for part in parts]
    if len(read) == 1:
        return read[0]
    from data_juicer.formats.jsonl.joined import join_rows

    return join_rows(read)


def _read_part(
    store: Store,
    part: ReadablePart,
    text_keys: tuple[str, ...],
    row_bytes_max: int,
    *,
    null_is_empty: bool,
) -> ReadRows:
    read = format_named(part.format).reader.read
    try:
        return read(
            store,
            part.path,
            part.fragment,
            text_keys,
            row_bytes_max=row_bytes_max,
            offset=0 if part.is_copy else None,
            null_is_empty=null_is_empty,
        )
    except InputError as error:
        if not part.is_copy:
            raise
        raise UnreadableCopyError(str(error), part.path) from error


def encode_result(
    batch: Batch,
    result_format: str,
    compression: Compression,
    keep_stats: bool,
    options: ExportOptions = _AS_USUAL,
) -> bytes:
    """The file of these rows. JSON Lines files, packed ones too, may be joined by joining their bytes.

    Args:
        result_format: one with types only for rows that have a schema, see `formats.registry.result_format`.
        compression: of JSON Lines; Parquet packs its own pages.
        keep_stats: export the stats of filters.
        options: how the result is written.
    """
    encode = _writer(result_format, options).encode
    if encode is None:
        raise ValueError(f"no results are written as {result_format}")
    if not keep_stats:
        batch = batch.without_field(STATS_FIELD)
    return encode(batch, compression, keep_stats=keep_stats)


def encode_intermediate(batch: Batch, file_format: str, compression: str) -> bytes:
    """Whole rows with all stats, for people to open. The compression must be one that the format has."""
    known = FORMATS[file_format]
    if compression not in known.intermediates:
        raise ValueError(f"{file_format} cannot be compressed with {compression}")
    return known.writer.encode_intermediate(batch, compression)
