"""Results as one JSON array, a row a line; rows keep the bytes that they have as JSON Lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from data_juicer.formats.base import Merge, OutputFormat, Parts, ReadPart
from data_juicer.formats.jsonl.format import encode_intermediate

if TYPE_CHECKING:
    from collections.abc import Iterator


def _no_survey(parts: Parts, read: ReadPart) -> None:
    """Nothing has to be known of the parts."""


def _write(parts: Parts, read: ReadPart, _: None, sink: BinaryIO) -> None:
    before = b"[\n"
    for rows in _texts(parts, read):
        sink.write(before)
        sink.write(rows)
        before = b",\n"
    sink.write(b"[]\n" if before == b"[\n" else b"\n]\n")


def _texts(parts: Parts, read: ReadPart) -> Iterator[bytes]:
    """The rows of each part that has any, with commas between them."""
    for part in parts:
        rows = bytes(read(part)).removesuffix(b"\n")
        if rows:
            yield rows.replace(b"\n", b",\n")


WRITER: Final = OutputFormat(
    encode_intermediate=encode_intermediate, merges={"jsonl": Merge(survey=_no_survey, write=_write)}
)
