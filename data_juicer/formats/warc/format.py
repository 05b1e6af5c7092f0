"""WARC as a format of input: a row for each record of a page that was fetched (`response`), or of its text (`conversion`).

The fragments are consecutive records, read where they are, or copies of them where the file is packed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import xxhash

from data_juicer.errors import UnreadableSourceError
from data_juicer.formats.base import (
    LONG_ROW_BYTES_KEPT,
    TOO_LONG,
    BadRow,
    Fragment,
    InputFormat,
    ReadRows,
    read_range,
)
from data_juicer.formats.compression import BrokenStreamError, broken, read_chunks
from data_juicer.formats.jsonl.check import first_chunks, take
from data_juicer.formats.jsonl.converted import RowPlaces, copy_digest
from data_juicer.formats.jsonl.read import ROW_BYTES_MAX, changed, only_bad, read_lines
from data_juicer.formats.jsonl.texts import too_long
from data_juicer.formats.recognise import recognise, recognise_surely
from data_juicer.formats.warc.frames import MAGIC, Frame, read_frames
from data_juicer.formats.warc.pages import FIELDS, PayloadError, fields_of
from data_juicer.rows import json_values
from data_juicer.rows.place import Place

if TYPE_CHECKING:
    from data_juicer.formats.base import FragmentLimits, SourceFile
    from data_juicer.storage.base import Store

CHUNK_BYTES: Final = 1 << 20
_SNIFFED_BYTES: Final = 1 << 12
_NO_ROW: Final = b"!"
"""Stands for a record that cannot be read where rows are JSON Lines."""


def scan(store: Store, source: SourceFile, limits: FragmentLimits) -> Iterator[Fragment]:
    """Raises: InputError: the file is damaged."""
    return (fragment for fragment, _ in unpack(store, source, limits))


def unpack(store: Store, source: SourceFile, limits: FragmentLimits) -> Iterator[tuple[Fragment, bytes]]:
    """Raises: InputError: the file is damaged."""
    cutter = _Cutter(source, limits)
    chunks = read_chunks(store, source, CHUNK_BYTES)
    try:
        for frame in read_frames(source.path, chunks, limits.row_bytes_max):
            yield from cutter.add(frame)
    except BrokenStreamError as error:
        raise broken(source, error, cutter.row) from error
    yield from cutter.finish()


class _Cutter:
    """Cuts records greedily: a fragment begins and ends with one that is a row."""

    def __init__(self, source: SourceFile, limits: FragmentLimits) -> None:
        self._source = source
        self._limits = limits
        self.row = 0
        """Rows before the fragment that is open."""
        self._rows = 0
        self._start = self._stop = 0
        self._records: list[bytes] = []
        self._pending: list[bytes] = []
        """Records after the last row, which belong to the fragment only if another row follows."""

    def add(self, frame: Frame) -> Iterator[tuple[Fragment, bytes]]:
        is_long = frame.is_row and not frame.is_whole
        span = frame.stop - (self._start if self._rows else frame.start)
        if self._rows and (
            is_long or span > self._limits.size_bytes_max or self._rows == self._limits.rows_max
        ):
            yield self._cut()
        if is_long:
            yield self._long(frame)
            return
        if not frame.is_row:
            if self._rows and frame.is_whole:
                self._pending += [frame.before, frame.raw]
            elif self._rows:  # it is not in memory as a whole, so that the fragment cannot go on after it
                yield self._cut()
            return
        if not self._rows:
            self._start = frame.start
        else:
            self._records += [*self._pending, frame.before]
        self._pending = []
        self._records.append(frame.raw)
        self._rows += 1
        self._stop = frame.stop

    def finish(self) -> Iterator[tuple[Fragment, bytes]]:
        if self._rows:
            yield self._cut()

    def _cut(self) -> tuple[Fragment, bytes]:
        data = b"".join(self._records)
        fragment = self._fragment(self._rows, self._start, self._stop, xxhash.xxh3_128_hexdigest(data))
        self._records, self._pending, self._rows = [], [], 0
        return fragment, data

    def _long(self, frame: Frame) -> tuple[Fragment, bytes]:
        size = frame.stop - frame.start
        digest = copy_digest(frame.raw, size)
        return self._fragment(1, frame.start, frame.stop, digest, size), frame.raw

    def _fragment(self, rows: int, start: int, stop: int, digest: str, long_row_bytes: int = 0) -> Fragment:
        self.row += rows
        return Fragment(
            source=self._source.index,
            row_start=self.row - rows,
            row_stop=self.row,
            byte_start=start,
            byte_stop=stop,
            digest=digest,
            long_row_bytes=long_row_bytes,
        )


def read_fragment(
    store: Store,
    path: str,
    fragment: Fragment,
    text_keys: tuple[str, ...],
    *,
    row_bytes_max: int,
    offset: int | None = None,
    null_is_empty: bool = False,
) -> ReadRows:
    """See `formats.base.FragmentReader`."""
    start = fragment.byte_start if offset is None else offset
    data = read_range(store, path, start, start + fragment.copy_bytes)
    if copy_digest(data, fragment.long_row_bytes) != fragment.digest:
        raise changed(path, fragment)
    if fragment.long_row_bytes:
        error = too_long(fragment.long_row_bytes, row_bytes_max)
        place = Place(row=0, byte=0)
        return only_bad(_bad(data, place, error.error_type, error.message), text_keys, fragment)
    frames = [frame for frame in read_frames(path, [data]) if frame.is_row]
    lines: list[bytes] = []
    refused: dict[int, PayloadError] = {}
    for row, frame in enumerate(frames):
        try:
            lines.append(json_values.encode(fields_of(frame, row_bytes_max)))
        except PayloadError as error:
            refused[row] = error
            lines.append(_NO_ROW)
    starts = np.array([frame.start for frame in frames], np.int64)
    places = RowPlaces(starts, np.full(len(frames), -1, np.int64))
    text = b"\n".join([*lines, b""])
    read = read_lines(text, fragment, text_keys, ROW_BYTES_MAX, places, null_is_empty=null_is_empty)
    bad = tuple(_bad_row(found, frames[found.place.row], refused.get(found.place.row)) for found in read.bad)
    return msgspec.structs.replace(read, bad=bad)


def _bad_row(found: BadRow, frame: Frame, refusal: PayloadError | None) -> BadRow:
    """The bad row of a record whose page could not be read."""
    return found if refusal is None else _bad(frame.raw, found.place, refusal.error_type, refusal.message)


def _bad(raw: bytes, place: Place, error_type: str, message: str) -> BadRow:
    is_whole = error_type != TOO_LONG and len(raw) <= LONG_ROW_BYTES_KEPT
    kept = raw if is_whole else raw[:LONG_ROW_BYTES_KEPT]
    return BadRow(place=place, raw=kept, error_type=error_type, message=message, is_whole=is_whole)


def check(store: Store, source: SourceFile, text_keys: Sequence[str]) -> None:
    """See `formats.base.InputFormat.check`."""
    head = take(first_chunks(store, source), _SNIFFED_BYTES)[:_SNIFFED_BYTES]
    if not head:
        return
    if not head.lstrip(b"\r\n").startswith(MAGIC):
        found = recognise_surely(head) or recognise(head)
        what = found.what if found else "something else"
        raise UnreadableSourceError(f"{source.path}: holds {what}, expected WARC. Nothing was changed.")
    for key in text_keys:
        if key not in FIELDS[:-1]:
            raise UnreadableSourceError(
                f"{os.path.basename(source.path)}: records of WARC have no field {key!r} (found: {', '.join(FIELDS)}). "
                "Set text_keys."
            )


READER: Final = InputFormat(scan=scan, unpack=unpack, read=read_fragment, check=check)
