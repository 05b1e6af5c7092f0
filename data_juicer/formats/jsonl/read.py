"""Rows of a JSON Lines fragment: only the declared text fields are decoded, everything else stays the bytes it was."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from data_juicer.errors import InputError
from data_juicer.formats.base import (
    LONG_ROW_BYTES_KEPT,
    SOURCE_SHIFT_BITS,
    TOO_LONG,
    BadRow,
    Fragment,
    ReadRows,
    read_range,
    source_changed,
)
from data_juicer.formats.jsonl.converted import RowPlaces, copy_digest, decode_places
from data_juicer.formats.jsonl.json_rows import RowError
from data_juicer.formats.jsonl.lines import Offsets, RowLines, split_rows
from data_juicer.formats.jsonl.texts import decode_texts, too_long
from data_juicer.kernels.characters.json_strings import text_array
from data_juicer.rows import json_values
from data_juicer.rows.batch import Batch
from data_juicer.rows.field_columns import completed
from data_juicer.rows.place import Place
from data_juicer.storage.base import Store

ROW_BYTES_MAX: Final = 1 << 30
"""Longer lines are dead letters unless the caller says otherwise."""
CHUNK_BYTES: Final = 1 << 20
_LINE_BLANKS: Final = b" \t\r\n"


class JsonlRows:
    """The good rows of one fragment, in compact numbering. A `RowSource`."""

    def __init__(
        self,
        data: bytes,
        lines: RowLines,
        good: Offsets,
        texts: dict[str, pa.Array],
        fragment: Fragment,
        places: RowPlaces | None = None,
    ) -> None:
        """
        Args:
            lines: those of all rows, counted from the start of `data`.
            good: the indices of the good ones.
            places: where all rows are, if not where `lines` say.
        """
        self._bytes = data
        self.data = memoryview(data)
        self.starts: list[int] = lines.starts[good].tolist()
        self.stops: list[int] = lines.stops[good].tolist()
        self._numbers = lines.numbers[good]
        self._good = good
        self._texts = texts
        self._fragment = fragment
        self._places = places
        self._fields: dict[str, pa.Array] = {}

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, origin: int) -> memoryview:
        """The JSON object of one row as it is in the source, without blanks around it."""
        return self.data[self.starts[origin] : self.stops[origin]]

    def text(self, key: str) -> pa.Array:
        return self._texts[key]

    def fields(self, origin: int) -> dict[str, bytes]:
        return json_values.raw_object(self.line(origin))

    def field(self, key: str) -> pa.Array:
        if key not in self._fields:
            raw = [json_values.get(self.fields(origin), key) for origin in range(len(self))]
            self._fields[key] = completed(pa.array(raw, pa.large_binary()), key, self._fragment.suffix)
        return self._fields[key]

    def may_hold(self, key: str) -> bool:
        return key.encode() in self._bytes

    def row_bytes(self) -> npt.NDArray[np.int64]:
        return np.array(self.stops, np.int64) - np.array(self.starts, np.int64)

    def row_ids(self) -> npt.NDArray[np.uint64]:
        first = (self._fragment.source << SOURCE_SHIFT_BITS) + self._fragment.row_start
        return (self._good + first).astype(np.uint64)

    def numbers(self) -> npt.NDArray[np.int64]:
        return self._good

    def place(self, origin: int) -> Place:
        row = int(self._good[origin])
        if self._places is not None:
            return place_of(self._places, row)
        line = int(self._numbers[origin]) - self._fragment.line_start
        return Place(row=row, line=line, byte=self.starts[origin])

    def raw(self, origin: int) -> bytes:
        return bytes(self.line(origin))


def read_fragment(
    store: Store,
    path: str,
    fragment: Fragment,
    text_keys: tuple[str, ...],
    *,
    row_bytes_max: int = ROW_BYTES_MAX,
    offset: int | None = None,
    null_is_empty: bool = False,
) -> ReadRows:
    """See `formats.base.FragmentReader`. A row longer than `row_bytes_max` bytes is a bad row."""
    start = fragment.byte_start if offset is None else offset
    if fragment.long_row_bytes and offset is not None:
        return only_bad(_kept_row(store, path, fragment, row_bytes_max), text_keys, fragment)
    if fragment.converted_bytes:
        data = _read_copy(store, path, fragment)
        text, places = (
            data[: fragment.converted_bytes],
            decode_places(data[fragment.converted_bytes :], fragment),
        )
        return read_lines(text, fragment, text_keys, row_bytes_max, places, null_is_empty=null_is_empty)
    if fragment.rows == 1 and fragment.byte_stop - fragment.byte_start > row_bytes_max:
        long_row = _find_long_row(store, path, start, fragment, row_bytes_max)
        if long_row is not None:
            return only_bad(long_row, text_keys, fragment)
    data = read_range(store, path, start, start + fragment.byte_stop - fragment.byte_start)
    if xxhash.xxh3_128_hexdigest(data) != fragment.digest:
        raise changed(path, fragment)
    return read_lines(data, fragment, text_keys, row_bytes_max, null_is_empty=null_is_empty)


def read_lines(
    data: bytes,
    fragment: Fragment,
    text_keys: tuple[str, ...],
    row_bytes_max: int,
    places: RowPlaces | None = None,
    *,
    null_is_empty: bool = False,
) -> ReadRows:
    """The rows of a text of JSON Lines that makes up a fragment.

    Args:
        places: where the rows are, if they were converted; else they are where their lines are.
    """
    lines = split_rows(data, fragment.line_start)
    columns, errors = decode_texts(data, lines, text_keys, row_bytes_max, null_is_empty=null_is_empty)
    good = np.delete(np.arange(len(lines.starts)), sorted(errors))
    source = JsonlRows(data, lines, good, columns, fragment, places)
    bad = tuple(_bad_row(data, lines, fragment, row, errors[row], places) for row in sorted(errors))
    return ReadRows(batch=Batch.of(source, len(source)), bad=bad, rows_in=len(lines.starts))


def place_of(places: RowPlaces, row: int) -> Place:
    return Place(row=row, line=int(places.lines[row]), byte=int(places.bytes_[row]))


def _read_copy(store: Store, path: str, fragment: Fragment) -> bytes:
    """A copy of converted rows. Raises: InputError: it is not what the scan wrote."""
    data = read_range(store, path, 0, fragment.copy_bytes)
    if copy_digest(data, fragment.long_row_bytes) != fragment.digest:
        raise changed(path, fragment)
    return data


def _kept_row(store: Store, path: str, fragment: Fragment, row_bytes_max: int) -> BadRow:
    """The row of a copy that holds only its beginning."""
    head = _read_copy(store, path, fragment)
    error = too_long(fragment.long_row_bytes, row_bytes_max)
    return BadRow(
        place=Place(row=0, line=0 if fragment.line_start or not fragment.converted_bytes else -1, byte=0),
        raw=head[:LONG_ROW_BYTES_KEPT],
        error_type=error.error_type,
        message=error.message,
        is_whole=False,
    )


def _find_long_row(
    store: Store, path: str, start: int, fragment: Fragment, row_bytes_max: int
) -> BadRow | None:
    """The one row of a fragment, where it is too long; in bounded memory, however long it is.

    None: it is not, blank lines make the fragment large.
    """
    size = fragment.byte_stop - fragment.byte_start
    digest = xxhash.xxh3_128()
    head, blanks_before, blanks_behind, seen, line = b"", 0, 0, 0, 0
    for chunk_start in range(0, size, CHUNK_BYTES):
        chunk = read_range(store, path, start + chunk_start, start + min(size, chunk_start + CHUNK_BYTES))
        digest.update(chunk)
        if not head:
            stripped = chunk.lstrip(_LINE_BLANKS)
            blanks_before += len(chunk) - len(stripped)
            line += chunk[: len(chunk) - len(stripped)].count(b"\n")
            head = stripped[:LONG_ROW_BYTES_KEPT]
        rest = len(chunk.rstrip(_LINE_BLANKS))
        blanks_behind = len(chunk) - rest if rest else blanks_behind + len(chunk)
        seen += len(chunk)
    if digest.hexdigest() != fragment.digest:
        raise changed(path, fragment)
    length = seen - blanks_before - blanks_behind
    if length <= row_bytes_max:
        return None
    error = too_long(length, row_bytes_max)
    return BadRow(
        place=Place(row=0, line=line, byte=blanks_before),
        raw=head,
        error_type=error.error_type,
        message=error.message,
        is_whole=False,
    )


def only_bad(row: BadRow, text_keys: tuple[str, ...], fragment: Fragment) -> ReadRows:
    none = np.empty(0, np.int64)
    columns = {key: text_array([]) for key in text_keys}
    source = JsonlRows(b"", RowLines(none, none, none), none, columns, fragment)
    return ReadRows(batch=Batch.of(source, 0), bad=(row,), rows_in=1)


def changed(path: str, fragment: Fragment) -> InputError:
    """The error for a fragment that is not what the scan saw."""
    return source_changed(
        path, f"bytes {fragment.byte_start:,} to {fragment.byte_stop:,} are not those of the scan"
    )


def _bad_row(
    data: bytes,
    lines: RowLines,
    fragment: Fragment,
    row: int,
    error: RowError,
    places: RowPlaces | None,
) -> BadRow:
    start, stop = int(lines.starts[row]), int(lines.stops[row])
    kept = min(stop, start + LONG_ROW_BYTES_KEPT) if error.error_type == TOO_LONG else stop
    line = int(lines.numbers[row]) - fragment.line_start
    return BadRow(
        place=Place(row=row, line=line, byte=start) if places is None else place_of(places, row),
        raw=data[start:kept],
        error_type=error.error_type,
        message=error.message,
        is_whole=kept == stop,
    )
