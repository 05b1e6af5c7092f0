"""Whether a source can be read at all and has the declared text: asked before anything is created, from its first rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from data_juicer.errors import UnreadableSourceError
from data_juicer.formats.base import SourceFile, reading_input
from data_juicer.formats.compression import BrokenStreamError, magic_of, read_unpacked
from data_juicer.formats.encodings import as_utf8
from data_juicer.formats.jsonl.json_rows import RowError, read_strictly
from data_juicer.formats.jsonl.lines import BLANKS, BOM
from data_juicer.formats.recognise import (
    HEAD_BYTES,
    Finding,
    recognise,
    recognise_surely,
    rows_under,
)
from data_juicer.rows import json_values
from data_juicer.storage.base import Store

ROWS_LOOKED_AT: Final = 100
_BYTES_MAX: Final = 16 << 20
_CHUNK_BYTES: Final = 1 << 18


def check_rows(store: Store, source: SourceFile, text_keys: Sequence[str]) -> None:
    """See `formats.base.InputFormat.check`.

    Raises:
        UnreadableSourceError: no row of those looked at can be read or has a text key; says what the file is.
        InputError: the file cannot be opened.
    """
    chunks = as_utf8(first_chunks(store, source), source.options.encoding)
    head = take(chunks, HEAD_BYTES)
    if not head:
        return
    found = recognise_surely(head)
    if found is not None:
        raise UnreadableSourceError(_sentence(source, found))
    check_lines(source, _lines(chain([head], chunks)), text_keys, head)


def check_lines(source: SourceFile, lines: Iterable[bytes], text_keys: Sequence[str], head: bytes) -> None:
    """Look at the first rows of a source, given as lines of JSON.

    Args:
        head: the first bytes of the source, which say what it may be.
    Raises: UnreadableSourceError.
    """
    first_error: RowError | None = None
    rows: list[dict[str, bytes]] = []
    for line in lines:
        try:
            read_strictly(line, ())
            rows.append(json_values.raw_object(line))
        except RowError as error:
            first_error = first_error or error
        if len(rows) == ROWS_LOOKED_AT:
            break
    if rows:
        _check_keys(source, rows, text_keys)
    elif first_error is not None:
        raise UnreadableSourceError(_unreadable(source, head, first_error))


def _check_keys(source: SourceFile, rows: Sequence[dict[str, bytes]], text_keys: Sequence[str]) -> None:
    looked_at = f"first {ROWS_LOOKED_AT} rows" if len(rows) == ROWS_LOOKED_AT else "rows"
    for key in text_keys:
        values = [json_values.get(row, key) for row in rows]
        if all(value is None for value in values):
            under = _list_of_rows(rows)
            if under is not None:
                raise UnreadableSourceError(_sentence(source, rows_under(under)))
            found = ", ".join(dict.fromkeys(name for row in rows for name in row)) or "no fields"
            raise UnreadableSourceError(
                f"{os.path.basename(source.path)}: none of the {looked_at} has the field {key!r} (found: {found}). "
                "Set text_keys."
            )
        if not any(value == b"null" or value.startswith(b'"') for value in values if value is not None):
            shown = next(value for value in values if value is not None)[:40].decode(errors="replace")
            raise UnreadableSourceError(
                f"{os.path.basename(source.path)}: the field {key!r} is no string in any of the {looked_at} "
                f"(found: {shown}). Set text_keys."
            )


def _list_of_rows(rows: Sequence[dict[str, bytes]]) -> str | None:
    """The member of a file's one object that holds its rows."""
    if len(rows) != 1:
        return None
    return next(
        (
            name
            for name, value in rows[0].items()
            if value.lstrip(b"[ ").startswith(b"{") and value[:1] == b"["
        ),
        None,
    )


def _unreadable(source: SourceFile, head: bytes, error: RowError) -> str:
    found = recognise(head)
    if found is not None:
        return _sentence(source, found)
    return (
        f"{source.path}: none of its first rows can be read, expected JSON Lines (one object a line); the first: "
        f"{error.message}. Mend the file, or set fault_tolerance.max_dead_letter_ratio to 1 to set every row aside."
    )


def _sentence(source: SourceFile, found: Finding) -> str:
    return f"{found.describe(source.path)}. Nothing was changed."


def first_chunks(store: Store, source: SourceFile) -> Iterator[bytes]:
    """The bytes of a source, as far as they are whole. Raises: UnreadableSourceError: it is not packed as its suffix says."""
    with reading_input(source.path), store.open_read(source.path) as reader:
        if source.compression == "none":
            yield from reader.chunks(_CHUNK_BYTES)
            return
        head = reader.read(0, HEAD_BYTES)
    if head and not head.startswith(magic_of(source.compression)):
        found = recognise_surely(head) or Finding("what is not packed", "Rename it without its last suffix")
        raise UnreadableSourceError(
            f"{source.path}: ends in the suffix of {source.compression} and {found.describe(source.path).partition(': ')[2]}"
        )
    try:
        yield from read_unpacked(store, source.path, source.compression)
    except BrokenStreamError:
        return  # the scan says where


def take(chunks: Iterator[bytes], size: int) -> bytes:
    """The next bytes of a text, at least so many if there are."""
    head = b""
    while len(head) < size and (chunk := next(chunks, b"")):
        head += chunk
    return head


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines that are not blank, from the first bytes of a text."""
    rest, seen = b"", 0
    for chunk in chunks:
        *lines, rest = (rest + chunk if seen else chunk.removeprefix(BOM)).split(b"\n")
        yield from filter(None, (line.strip(BLANKS) for line in lines))
        seen += len(chunk)
        if seen > _BYTES_MAX:
            return
    if rest.strip(BLANKS):
        yield rest
