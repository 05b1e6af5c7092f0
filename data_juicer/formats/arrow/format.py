"""Arrow IPC files and streams as a format of input and intermediate data."""

from __future__ import annotations

from typing import Final

from data_juicer.formats.arrow.read import check, read_fragment, unpack
from data_juicer.formats.base import InputFormat, OutputFormat
from data_juicer.formats.tables.encode import arrow_bytes, whole_table
from data_juicer.rows.batch import Batch


def _encode_intermediate(batch: Batch, compression: str) -> bytes:
    return arrow_bytes(whole_table(batch), compression)


READER: Final = InputFormat(unpack=unpack, read=read_fragment, check=check)
WRITER: Final = OutputFormat(encode_intermediate=_encode_intermediate)
