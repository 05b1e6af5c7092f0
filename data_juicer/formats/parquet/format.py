"""Parquet as a format of input, results and intermediate data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from data_juicer.formats.base import ExportOptions, InputFormat, OutputFormat
from data_juicer.formats.parquet.merge import merges, parquet_file
from data_juicer.formats.parquet.read import check_text_columns, read_fragment
from data_juicer.formats.parquet.scan import SHARED, scan_row_groups, unpack_slices
from data_juicer.formats.tables.encode import encode_table, parquet_bytes, whole_table

if TYPE_CHECKING:
    from data_juicer.formats.base import Compression
    from data_juicer.rows.batch import Batch


def _encode(batch: Batch, compression: Compression, *, keep_stats: bool) -> bytes:  # noqa: ARG001 - pages are packed
    return parquet_bytes(encode_table(batch, keep_stats=keep_stats))


def _encode_intermediate(batch: Batch, compression: str) -> bytes:
    return parquet_bytes(whole_table(batch), compression)


READER: Final = InputFormat(
    scan=scan_row_groups,
    shared=SHARED,
    unpack=unpack_slices,
    read=read_fragment,
    check=check_text_columns,
)


def _writer(options: ExportOptions) -> OutputFormat:
    return OutputFormat(
        encode=_encode,
        encode_intermediate=_encode_intermediate,
        merges=merges(parquet_file(options)),
        configure=_writer,
    )


WRITER: Final = _writer(ExportOptions())
