"""JSON Lines as a format of input, results and intermediate data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from data_juicer.formats.base import InputFormat, OutputFormat
from data_juicer.formats.compression import compress
from data_juicer.formats.jsonl.check import check_rows
from data_juicer.formats.jsonl.read import read_fragment
from data_juicer.formats.jsonl.scan import scan_plain, unpack
from data_juicer.formats.jsonl.shared_scan import SHARED
from data_juicer.formats.jsonl.write import encode_rows

if TYPE_CHECKING:
    from data_juicer.formats.base import Compression
    from data_juicer.rows.batch import Batch


def _encode(batch: Batch, compression: Compression, *, keep_stats: bool) -> bytes:
    return compress(encode_rows(batch, keep_stats=keep_stats), compression)


def encode_intermediate(batch: Batch, compression: str) -> bytes:
    """Whole rows with all stats."""
    return _encode(batch, cast("Compression", compression), keep_stats=True)


READER: Final = InputFormat(
    scan=scan_plain, shared=SHARED, unpack=unpack, read=read_fragment, check=check_rows
)
WRITER: Final = OutputFormat(encode=_encode, encode_intermediate=encode_intermediate)
