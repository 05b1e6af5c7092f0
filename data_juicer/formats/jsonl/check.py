"""Whether a source has the declared text at all: asked before the input is scanned, from its first rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from data_juicer.errors import InputError
from data_juicer.formats.base import SourceFile, reading_input
from data_juicer.formats.compression import BrokenStreamError, read_unpacked
from data_juicer.formats.jsonl.lines import BLANKS, BOM
from data_juicer.rows import json_values
from data_juicer.storage.base import Store

ROWS_LOOKED_AT: Final = 100
_BYTES_MAX: Final = 16 << 20
_CHUNK_BYTES: Final = 1 << 18


def check_rows(store: Store, source: SourceFile, text_keys: Sequence[str]) -> None:
    """See `formats.base.InputFormat.check`."""
    rows = list(islice(_objects(store, source), ROWS_LOOKED_AT))
    if not rows:
        return
    for key in text_keys:
        if all(json_values.get(row, key) is None for row in rows):
            looked_at = f"first {ROWS_LOOKED_AT} rows" if len(rows) == ROWS_LOOKED_AT else "rows"
            found = ", ".join(dict.fromkeys(name for row in rows for name in row)) or "no fields"
            raise InputError(
                f"{os.path.basename(source.path)}: none of the {looked_at} has the field {key!r} (found: {found}). "
                "Set text_keys."
            )


def _objects(store: Store, source: SourceFile) -> Iterator[dict[str, bytes]]:
    """The rows that are JSON objects, as raw members."""
    for line in _lines(_chunks(store, source)):
        try:
            yield json_values.raw_object(line)
        except (ValueError, RecursionError):
            continue


def _chunks(store: Store, source: SourceFile) -> Iterator[bytes]:
    if source.compression != "none":
        try:
            yield from read_unpacked(store, source.path, source.compression)
        except BrokenStreamError:
            return  # the scan says where
    else:
        with reading_input(source.path), store.open_read(source.path) as reader:
            yield from reader.chunks(_CHUNK_BYTES)


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
