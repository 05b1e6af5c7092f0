"""Files of text and code as a format of input: one file is one row, with the field `text`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import xxhash

from data_juicer.errors import UnreadableSourceError
from data_juicer.formats.base import LONG_ROW_BYTES_KEPT, BadRow, Fragment, InputFormat, ReadRows, read_range
from data_juicer.formats.compression import BrokenStreamError, broken, read_chunks, read_head
from data_juicer.formats.encodings import as_utf8, encoding_of
from data_juicer.formats.jsonl.converted import copy_digest
from data_juicer.formats.jsonl.lines import BOM
from data_juicer.formats.jsonl.read import changed, only_bad, read_lines
from data_juicer.formats.jsonl.texts import too_long
from data_juicer.rows import json_values
from data_juicer.rows.place import Place

if TYPE_CHECKING:
    from data_juicer.formats.base import FragmentLimits, SourceFile
    from data_juicer.storage.base import Store

FIELD: Final = "text"
CHUNK_BYTES: Final = 1 << 20
_PLACE: Final = Place(row=0, line=0, byte=0)


def scan(store: Store, source: SourceFile, limits: FragmentLimits) -> Iterator[Fragment] | None:
    """The file as one fragment; None where it is not in UTF-8, or too long to be read."""
    if encoding_of(read_head(store, source.path), source.options.encoding):
        return None
    if 0 < limits.row_bytes_max < source.size_bytes:
        return None
    digest, size = xxhash.xxh3_128(), 0
    for chunk in read_chunks(store, source, CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
    return iter([_fragment(source, size, digest.hexdigest())] if size else [])


def unpack(store: Store, source: SourceFile, limits: FragmentLimits) -> Iterator[tuple[Fragment, bytes]]:
    """The file as one fragment, in UTF-8; of one that is too long the beginning. A packed file may hold no text.

    Raises: InputError: its packed stream is damaged.
    """
    chunks, size = [], 0
    try:
        for chunk in as_utf8(read_chunks(store, source, CHUNK_BYTES), source.options.encoding):
            size += len(chunk)
            chunks.append(chunk)
            if 0 < limits.row_bytes_max < size:
                chunks = [b"".join(chunks)[:LONG_ROW_BYTES_KEPT]]
    except BrokenStreamError as error:
        raise broken(source, error, 0) from error
    if size:
        data = b"".join(chunks)
        long_row_bytes = size if len(data) < size else 0
        yield _fragment(source, size, copy_digest(data, long_row_bytes), long_row_bytes), data


def _fragment(source: SourceFile, size: int, digest: str, long_row_bytes: int = 0) -> Fragment:
    return Fragment(
        source=source.index,
        row_start=0,
        row_stop=1,
        byte_start=0,
        byte_stop=size,
        digest=digest,
        line_start=1,
        long_row_bytes=long_row_bytes,
    )


def read_fragment(
    store: Store,
    path: str,
    fragment: Fragment,
    text_keys: tuple[str, ...],
    *,
    row_bytes_max: int,
    offset: int | None = None,  # noqa: ARG001 - a fragment is a whole file, whether a copy or not
    null_is_empty: bool = False,
) -> ReadRows:
    """See `formats.base.FragmentReader`."""
    data = read_range(store, path, 0, fragment.copy_bytes)
    if copy_digest(data, fragment.long_row_bytes) != fragment.digest:
        raise changed(path, fragment)
    size = fragment.long_row_bytes or len(data)
    if size > row_bytes_max:
        error = too_long(size, row_bytes_max)
        return only_bad(_bad(data, error.error_type, error.message), text_keys, fragment)
    try:
        text = data.removeprefix(BOM).decode()
    except UnicodeDecodeError as refused:
        bad = _bad(data, "invalid_utf8", f"byte {refused.start + 1:,} of the file is not UTF-8")
        return only_bad(bad, text_keys, fragment)
    line = json_values.encode({FIELD: text}) + b"\n"
    return read_lines(line, fragment, text_keys, 2 * len(line), null_is_empty=null_is_empty)


def _bad(data: bytes, error_type: str, message: str) -> BadRow:
    kept = data[:LONG_ROW_BYTES_KEPT]
    return BadRow(
        place=_PLACE, raw=kept, error_type=error_type, message=message, is_whole=len(kept) == len(data)
    )


def check(store: Store, source: SourceFile, text_keys: Sequence[str]) -> None:  # noqa: ARG001 - nothing is read
    """See `formats.base.InputFormat.check`. A file that is no text costs its row alone, since it is one row."""
    for key in text_keys:
        if key != FIELD:
            raise UnreadableSourceError(
                f"{os.path.basename(source.path)}: a file of text has no field {key!r} (found: {FIELD}). Set text_keys."
            )


READER: Final = InputFormat(scan=scan, unpack=unpack, read=read_fragment, check=check)
