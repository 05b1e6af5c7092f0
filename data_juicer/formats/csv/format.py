"""CSV and TSV as formats of input: rows become JSON Lines in copies, since a quoted line end hides where a row begins."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.errors import InputError, UnreadableSourceError
from data_juicer.formats.base import FragmentReader, InputFormat
from data_juicer.formats.compression import BrokenStreamError, broken, read_chunks
from data_juicer.formats.csv.records import FIELD_BYTES_MAX, read_records
from data_juicer.formats.csv.write import WRITER
from data_juicer.formats.encodings import BROKEN, as_utf8, encoding_of
from data_juicer.formats.jsonl.check import first_chunks, take
from data_juicer.formats.jsonl.converted import Record, cut_records
from data_juicer.formats.jsonl.read import read_fragment
from data_juicer.formats.recognise import HEAD_BYTES, recognise_surely

if TYPE_CHECKING:
    from data_juicer.formats.base import Fragment, FragmentLimits, SourceFile
    from data_juicer.storage.base import Store

CHUNK_BYTES: Final = 1 << 18
_ENCODE: Final = msgspec.json.Encoder().encode


def unpack(store: Store, source: SourceFile, limits: FragmentLimits) -> Iterator[tuple[Fragment, bytes]]:
    """The rows below the header as JSON Lines: every value is the string that it is written as.

    A record with fewer values than the header lacks the last fields; one with more is written as a list, which is no row.

    Raises: InputError: a name is twice in the header, or a quote is never closed.
    """
    return cut_records(_rows(store, source, limits), source, limits)


def check(store: Store, source: SourceFile, text_keys: Sequence[str]) -> None:
    """See `formats.base.InputFormat.check`."""
    head = take(first_chunks(store, source), HEAD_BYTES)
    text = b"".join(as_utf8([head], source.options.encoding))
    if encoding_of(head, source.options.encoding):
        text = text.removesuffix(BROKEN)  # half a character at the end of what was looked at
    found = recognise_surely(text)
    if found is not None or b"\0" in text or (head and not text):
        what = found.what if found else "bytes that are no text"
        raise UnreadableSourceError(f"{source.path}: holds {what}, expected CSV. Nothing was changed.")
    names = _header(source, text, is_cut=len(head) >= HEAD_BYTES)
    _refuse_twice(source, names)
    for key in text_keys if names else ():
        if key not in names:
            where = "column_names have" if source.options.column_names else "its header has"
            raise UnreadableSourceError(
                f"{os.path.basename(source.path)}: {where} no field {key!r} (found: {', '.join(names)}). Set text_keys."
            )


def _header(source: SourceFile, text: bytes, *, is_cut: bool) -> Sequence[str]:
    """The names of the columns; none where the header goes on beyond the text, which is cut: the scan reads all of it."""
    if source.options.column_names:
        return source.options.column_names
    try:
        first = next(read_records(source, [text]), None)
    except InputError:
        if is_cut:
            return ()
        raise
    return () if first is None or (is_cut and first.stop >= len(text)) else first.values


def _rows(store: Store, source: SourceFile, limits: FragmentLimits) -> Iterator[Record]:
    chunks = as_utf8(read_chunks(store, source, CHUNK_BYTES), source.options.encoding)
    records = read_records(source, chunks, max(FIELD_BYTES_MAX, 2 * limits.row_bytes_max))
    row = 0
    try:
        names: Sequence[str] = source.options.column_names
        if not names:
            first = next(records, None)
            names = () if first is None else first.values
        _refuse_twice(source, names)
        for values, start, stop, line in records:
            fields = values if len(values) > len(names) else dict(zip(names, values, strict=False))
            yield Record(_encode(fields), start, stop, line)
            row += 1
    except BrokenStreamError as error:
        raise broken(source, error, row) from error


def _refuse_twice(source: SourceFile, names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            where = "column_names have" if source.options.column_names else "its header has"
            raise InputError(
                f"{source.path}: {where} {name!r} twice. A row cannot hold both: rename one of them. Nothing was processed."
            )
        seen.add(name)


def _encode(row: object) -> bytes:
    """A line. Bytes that are not UTF-8 come out as they came in, so that the reader names the row."""
    try:
        return _ENCODE(row)
    except UnicodeEncodeError:
        text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "surrogateescape")


__all__ = ["READER", "WRITER"]
_READ: Final[FragmentReader] = read_fragment
READER: Final = InputFormat(unpack=unpack, copies="jsonl", read=_READ, check=check)
