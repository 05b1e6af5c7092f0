"""Arrow IPC files as a format of intermediate data."""

from __future__ import annotations

from typing import Final

from data_juicer.formats.base import OutputFormat
from data_juicer.formats.tables.encode import arrow_bytes, whole_table
from data_juicer.rows.batch import Batch


def _encode_intermediate(batch: Batch, compression: str) -> bytes:
    return arrow_bytes(whole_table(batch), compression)


WRITER: Final = OutputFormat(encode_intermediate=_encode_intermediate)
