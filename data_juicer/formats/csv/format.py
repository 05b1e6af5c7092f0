"""CSV and TSV as formats of input: rows become JSON Lines in copies, since a quoted line end hides where a row begins."""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from data_juicer.errors import InputError, UnreadableSourceError
from data_juicer.formats.base import FragmentReader, InputFormat, reading_input
from data_juicer.formats.compression import BrokenStreamError, read_unpacked
from data_juicer.formats.jsonl.read import read_fragment
from data_juicer.formats.jsonl.scan import converted, scan_chunks
from data_juicer.formats.recognise import HEAD_BYTES, recognise_surely
from data_juicer.formats.registry import suffix_of
from data_juicer.rows import json_values

if TYPE_CHECKING:
    from data_juicer.formats.base import Fragment, FragmentLimits, SourceFile
    from data_juicer.storage.base import Store

_CHUNK_BYTES: Final = 1 << 18
_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FIELD_CHARS_MAX: Final = 64 << 20
"""A longer value than this, and than two rows may be, is no value but a quote that is never closed."""
_SEPARATORS: Final = ",\t;|"


def unpack(store: Store, source: SourceFile, limits: FragmentLimits) -> Iterator[tuple[Fragment, bytes]]:
    """The rows below the header as JSON Lines: every value is the string that it is written as.

    A record with fewer values than the header lacks the last fields; one with more is written as a list, which is no row.

    Raises: InputError: a name is twice in the header, or a quote is never closed.
    """
    return converted(scan_chunks(_lines(store, source, limits), source, limits, keep_bytes=True))


def check(store: Store, source: SourceFile, text_keys: Sequence[str]) -> None:
    """See `formats.base.InputFormat.check`."""
    head = b""
    for chunk in _chunks(store, source):
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    wide = any(head.startswith(mark) for mark, _ in _BOMS)
    found = None if wide else recognise_surely(head)
    if found is not None or (b"\0" in head and not wide):
        what = found.what if found else "bytes that are no text"
        raise UnreadableSourceError(f"{source.path}: holds {what}, expected CSV. Nothing was changed.")
    names = next(_records(source, iter([head])), None)
    if names is None:
        return
    for key in text_keys:
        if key not in names:
            raise UnreadableSourceError(
                f"{os.path.basename(source.path)}: its header has no field {key!r} (found: {', '.join(names)}). "
                "Set text_keys."
            )


def _lines(store: Store, source: SourceFile, limits: FragmentLimits) -> Iterator[bytes]:
    records = _records(source, _chunks(store, source), max(_FIELD_CHARS_MAX, 2 * limits.row_bytes_max))
    names = next(records, None)
    if names is None:
        return
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(
            f"{source.path}: its header has {twice!r} twice. A row cannot hold both: rename one of them."
        )
    held, size = [], 0
    for values in records:
        row = values if len(values) > len(names) else dict(zip(names, values, strict=False))
        held.append(_encode(row))
        size += len(held[-1])
        if size >= _CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _encode(row: object) -> bytes:
    """A line. Bytes that are not UTF-8 come out as they came in, so that the reader names the row."""
    try:
        return json_values.encode(row) + b"\n"
    except UnicodeEncodeError:
        import json

        text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "surrogateescape") + b"\n"


def _records(
    source: SourceFile, chunks: Iterator[bytes], field_max: int = _FIELD_CHARS_MAX
) -> Iterator[list[str]]:
    """Records that are not blank. Raises: InputError: a quote is never closed, or a value is longer than `field_max`."""
    text = _Text(chunks)
    first = text.peek()
    reader = csv.reader(text, delimiter=_separator(source, first), strict=False)
    limit = csv.field_size_limit(field_max)
    try:
        while True:
            csv.field_size_limit(field_max)
            values = next(reader, None)
            if values is None:
                return
            if values:
                yield values
    except csv.Error as error:
        raise InputError(
            f"{source.path}: line {reader.line_num:,} cannot be read as CSV ({error}); is a quote closed? Nothing was processed."
        ) from error
    finally:
        csv.field_size_limit(limit)


def _separator(source: SourceFile, header: str) -> str:
    """The one that the suffix says, or the first other one that the header has where it has not that."""
    usual = "\t" if suffix_of(source.path).startswith(".tsv") else ","
    return next((each for each in (usual, *_SEPARATORS) if each in header), usual)


class _Text:
    """Lines of chunks of bytes, with their ends, in the encoding that the first bytes name."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        head = b""
        while len(head) < 4 and (chunk := next(self._chunks, b"")):
            head += chunk
        encoding = next((name for mark, name in _BOMS if head.startswith(mark)), "utf-8")
        errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._rest = self._decoder.decode(head)
        self._lines: Iterator[str] = iter(())
        self._first = self._next()

    def peek(self) -> str:
        return self._first or ""

    def __iter__(self) -> Iterator[str]:
        line = self._first
        while line is not None:
            yield line
            line = self._next()

    def _next(self) -> str | None:
        while (line := next(self._lines, None)) is None:
            chunk = next(self._chunks, b"")
            text = self._rest + self._decoder.decode(chunk, final=not chunk)
            if not chunk:
                self._rest = ""
                if not text:
                    return None
                self._lines = iter(io.StringIO(text, newline=""))
                continue
            whole, end, self._rest = text.rpartition("\n")
            self._lines = iter(io.StringIO(whole + end, newline=""))
        return line


def _chunks(store: Store, source: SourceFile) -> Iterator[bytes]:
    if source.compression == "none":
        with reading_input(source.path), store.open_read(source.path) as reader:
            yield from reader.chunks(_CHUNK_BYTES)
        return
    try:
        yield from read_unpacked(store, source.path, source.compression)
    except BrokenStreamError as error:
        raise InputError(
            f"{source.path}: the {source.compression} stream breaks off or is damaged ({error}). Nothing was processed."
        ) from error


_READ: Final[FragmentReader] = read_fragment
READER: Final = InputFormat(unpack=unpack, copies="jsonl", read=_READ, check=check)
