"""Arrow IPC files and streams as a format of input, results and intermediate data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO, Final

import pyarrow as pa

from data_juicer.formats.arrow.read import check, read_fragment, unpack
from data_juicer.formats.base import ExportOptions, InputFormat, OutputFormat
from data_juicer.formats.parquet.merge import WriteTables, gathered, merges
from data_juicer.formats.tables.encode import arrow_bytes, whole_table
from data_juicer.rows.batch import Batch


def _encode_intermediate(batch: Batch, compression: str) -> bytes:
    return arrow_bytes(whole_table(batch), compression)


def _arrow_file(options: ExportOptions) -> WriteTables:
    """Writes an IPC file, uncompressed so that it can be mapped into memory unless options say otherwise."""

    def write(schema: pa.Schema, tables: Iterable[pa.Table], sink: BinaryIO) -> None:
        codec = None if options.compression in {None, "none"} else options.compression
        with pa.ipc.new_file(sink, schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
            for table in gathered(tables):
                writer.write_table(table)

    return write


def _writer(options: ExportOptions) -> OutputFormat:
    return OutputFormat(
        encode_intermediate=_encode_intermediate,
        merges=merges(_arrow_file(options)),
        configure=_writer,
    )


READER: Final = InputFormat(unpack=unpack, read=read_fragment, check=check)
WRITER: Final = _writer(ExportOptions())
