"""`.json` files as a format of input: JSON Lines, an array of rows, or an object that holds such an array.

The rows of an array are copied into `partitions/`: as they are, since they are found without being decoded, but on one line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.errors import InputError, UnreadableSourceError
from data_juicer.formats.base import InputFormat
from data_juicer.formats.compression import BrokenStreamError, broken, read_chunks
from data_juicer.formats.encodings import as_utf8
from data_juicer.formats.json.elements import Element, ElementSplitter
from data_juicer.formats.json.layout import Layout, find_rows
from data_juicer.formats.json.write import WRITER
from data_juicer.formats.jsonl import scan as lines
from data_juicer.formats.jsonl.check import ROWS_LOOKED_AT, check_lines, check_rows, first_chunks, take
from data_juicer.formats.jsonl.converted import Record, cut_records
from data_juicer.formats.jsonl.lines import BOM
from data_juicer.formats.jsonl.read import read_fragment
from data_juicer.formats.jsonl.shared_scan import SHARED
from data_juicer.formats.recognise import HEAD_BYTES

if TYPE_CHECKING:
    from data_juicer.formats.base import Fragment, FragmentLimits, SourceFile
    from data_juicer.storage.base import Store

CHUNK_BYTES: Final = 1 << 18
"""Small enough that what is computed of a chunk stays in the cache."""
_LOOKED_AT_BYTES: Final = 16 << 20
"""Of a row that is looked at before anything is created."""
_BLANKS: Final = b" \t\r\n"
_LINE_ENDS: Final = re.compile(rb"[ \t\r]*\n[ \t\r\n]*")
_OPEN_ROW: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def scan(store: Store, source: SourceFile, limits: FragmentLimits) -> Iterator[Fragment] | None:
    """See `formats.base.InputFormat.scan`: where the file has a row a line."""
    return None if _array_of(store, source) is not None else lines.scan_plain(store, source, limits)


def unpack(store: Store, source: SourceFile, limits: FragmentLimits) -> Iterator[tuple[Fragment, bytes]]:
    """Raises: InputError: the array is not closed, or more follows it."""
    layout = _array_of(store, source)
    if layout is None:
        return lines.unpack(store, source, limits)
    return cut_records(_records(store, source, layout, limits.row_bytes_max), source, limits)


def check(store: Store, source: SourceFile, text_keys: Sequence[str]) -> None:
    """See `formats.base.InputFormat.check`."""
    layout = _array_of(store, source)
    if layout is None:
        check_rows(store, source, text_keys)
        return
    head = take(as_utf8(first_chunks(store, source), source.options.encoding), HEAD_BYTES)
    records = islice(_records(store, source, layout, _LOOKED_AT_BYTES), ROWS_LOOKED_AT)
    check_lines(source, (record.line for record in records), text_keys, head)


def _array_of(store: Store, source: SourceFile) -> Layout | None:
    """Where the rows are; None where there is one a line.

    Raises: UnreadableSourceError: there is no such member as an option says.
    """
    chunks = as_utf8(first_chunks(store, source), source.options.encoding)
    head = take(chunks, HEAD_BYTES)
    layout = find_rows(head.removeprefix(BOM), source.options.field)
    if layout.array_start >= 0:
        is_array = not layout.is_single_line or _is_one_line(chain([head], chunks))
        return layout if is_array else None
    if source.options.field and head:
        found = ", ".join(layout.members) or "no object"
        raise UnreadableSourceError(
            f"{os.path.basename(source.path)}: {source.options.field!r} is no list in its first {HEAD_BYTES:,} bytes "
            f"(found: {found}). Set load_dataset_kwargs: {{field: ...}}."
        )
    return None


def _is_one_line(chunks: Iterable[bytes]) -> bool:
    """Whether a text that begins with `{` is one line, without holding it."""
    line_ended = False
    for chunk in chunks:
        text = chunk if line_ended else chunk.partition(b"\n")[2]
        if text.strip(_BLANKS):
            return False
        line_ended = line_ended or b"\n" in chunk
    return True


def _records(store: Store, source: SourceFile, layout: Layout, row_bytes_max: int) -> Iterator[Record]:
    """Raises: InputError."""
    for element in _elements(store, source, layout, row_bytes_max):
        yield Record(_one_line(element.data), element.start, element.stop, 0, element.stop - element.start)


def _elements(store: Store, source: SourceFile, layout: Layout, row_bytes_max: int) -> Iterator[Element]:
    chunks = _without_mark(as_utf8(read_chunks(store, source, CHUNK_BYTES), source.options.encoding))
    offset = next(chunks)[0]
    splitter = ElementSplitter(offset + layout.array_start, row_bytes_max)
    skipped, row = layout.array_start, 0
    try:
        for _, chunk in chunks:
            if skipped:
                skipped, chunk = skipped - min(skipped, len(chunk)), chunk[skipped:]  # noqa: PLW2901
            for element in splitter.feed(chunk):
                yield element
                row += 1
            if splitter.is_closed:
                break
    except BrokenStreamError as error:
        raise broken(source, error, row) from error
    if not splitter.is_closed:
        raise InputError(
            f"{source.path}: the array of its rows is not closed: from row {row:,} on, the text is no JSON or breaks off. "
            "Nothing was processed. Mend the file, or write its rows as JSON Lines."
        )
    if layout.is_alone and _is_followed(splitter.rest, chunks):
        raise InputError(
            f"{source.path}: more follows the array of its {row:,} rows. Nothing was processed. "
            "Write its rows as one array or as JSON Lines."
        )


def _without_mark(chunks: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """How many bytes a mark has, with no text; then the text without it."""
    head = take(chunks, len(BOM))
    size = len(BOM) if head.startswith(BOM) else 0
    yield size, b""
    yield size, head[size:]
    for chunk in chunks:
        yield size, chunk


def _is_followed(rest: bytes, chunks: Iterator[tuple[int, bytes]]) -> bool:
    return bool(rest.strip(_BLANKS) or any(chunk.strip(_BLANKS) for _, chunk in chunks))


def _one_line(row: bytes) -> bytes:
    """The row without line ends; those within a string, where JSON has none, still make it no row."""
    if b"\n" not in row:
        return row or b","  # between two commas: no row, but something that is named
    try:
        _OPEN_ROW(row)
    except msgspec.DecodeError:
        return row.replace(b"\n", b"\r")
    return _LINE_ENDS.sub(b"", row)


def _has_lines(store: Store, source: SourceFile) -> bool:
    return lines.is_utf8(store, source) and _array_of(store, source) is None


__all__ = ["READER", "WRITER"]
_SHARED: Final = msgspec.structs.replace(SHARED, applies=_has_lines)
READER: Final = InputFormat(
    scan=scan, shared=_SHARED, unpack=unpack, copies="jsonl", read=read_fragment, check=check
)
