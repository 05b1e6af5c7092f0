"""Rows of a JSON Lines fragment: only the declared text fields are decoded, everything else stays the bytes it was."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from data_juicer.errors import InputError
from data_juicer.formats.base import (
    SOURCE_SHIFT_BITS,
    BadRow,
    Fragment,
    ReadRows,
    read_range,
    source_changed,
)
from data_juicer.formats.json_rows import DEPTH_MAX, REFUSALS, RowError, depth, read_strictly, text_decoder
from data_juicer.formats.lines import Offsets, RowLines, split_rows
from data_juicer.ops import values
from data_juicer.ops.batch import Batch, Place
from data_juicer.ops.fields import completed

ROW_BYTES_MAX: Final = 1 << 30
"""Longer lines are dead letters unless the caller says otherwise."""
LONG_ROW_BYTES_KEPT: Final = 1000
"""Of a line that is too long; the rest stays in the source."""
TOO_LONG: Final = "too_long"
"""Type of the error; what a dead letter of it holds is not the whole row."""
CHUNK_BYTES: Final = 1 << 20
_LINE_BLANKS: Final = b" \t\r\n"
_SLICE_BYTES: Final = 1 << 16
"""Bytes that are looked through at once: what is computed of them stays in the cache, four times as fast."""


class JsonlRows:
    """The good rows of one fragment, in compact numbering. A `RowSource`."""

    def __init__(
        self, data: bytes, lines: RowLines, good: Offsets, texts: dict[str, pa.Array], fragment: Fragment
    ) -> None:
        """`lines` are those of all rows, counted from the start of `data`; `good` the indices of the good ones."""
        self.data = memoryview(data)
        self.starts: list[int] = lines.starts[good].tolist()
        self.stops: list[int] = lines.stops[good].tolist()
        self._numbers = lines.numbers[good]
        self._good = good
        self._texts = texts
        self._fragment = fragment
        self._fields: dict[str, pa.Array] = {}

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, origin: int) -> memoryview:
        """The JSON object of one row as it stands in the source, without blanks around it."""
        return self.data[self.starts[origin] : self.stops[origin]]

    def text(self, key: str) -> pa.Array:
        return self._texts[key]

    def fields(self, origin: int) -> dict[str, bytes]:
        return values.raw_object(self.line(origin))

    def field(self, key: str) -> pa.Array:
        if key not in self._fields:
            raw = [values.get(self.fields(origin), key) for origin in range(len(self))]
            self._fields[key] = completed(pa.array(raw, pa.large_binary()), key, self._fragment.suffix)
        return self._fields[key]

    def row_ids(self) -> npt.NDArray[np.uint64]:
        first = (self._fragment.source << SOURCE_SHIFT_BITS) + self._fragment.row_start
        return (self._good + first).astype(np.uint64)

    def place(self, origin: int) -> Place:
        return Place(
            line=int(self._numbers[origin]),
            byte_offset=self._fragment.byte_start + self.starts[origin],
            raw=bytes(self.line(origin)),
        )


def read_fragment(
    path: str,
    fragment: Fragment,
    text_keys: tuple[str, ...],
    *,
    row_bytes_max: int = ROW_BYTES_MAX,
    offset: int | None = None,
) -> ReadRows:
    """See `formats.base.FragmentReader`. A row longer than `row_bytes_max` bytes is a bad row."""
    start = fragment.byte_start if offset is None else offset
    if fragment.rows == 1 and fragment.byte_stop - fragment.byte_start > row_bytes_max:
        long_row = _find_long_row(path, start, fragment, row_bytes_max)
        if long_row is not None:
            return _only_bad(long_row, text_keys, fragment)
    data = read_range(path, start, start + fragment.byte_stop - fragment.byte_start)
    if xxhash.xxh3_128_hexdigest(data) != fragment.digest:
        raise _changed(path, fragment)
    lines = split_rows(data, fragment.line_start)
    errors = _refused_at_sight(data, lines, row_bytes_max)
    texts, late_errors = _decode_texts(data, lines, text_keys, errors)
    errors.update(late_errors)
    good = np.delete(np.arange(len(lines.starts)), sorted(errors))
    columns = {key: text_array(column) for key, column in texts.items()}
    source = JsonlRows(data, lines, good, columns, fragment)
    bad = tuple(_bad_row(data, lines, fragment, row, errors[row]) for row in sorted(errors))
    return ReadRows(batch=Batch.of(source, len(source)), bad=bad, rows_in=len(lines.starts))


def _refused_at_sight(data: bytes, lines: RowLines, row_bytes_max: int) -> dict[int, RowError]:
    """Rows that must not reach the decoder: too long, not UTF-8, or nested too deep."""
    errors = {}
    lengths = lines.stops - lines.starts
    for row in np.flatnonzero(lengths > row_bytes_max).tolist():
        errors[row] = _too_long(int(lengths[row]), row_bytes_max)
    suspects = set(_rows_with_many_brackets(data, lines))
    if not _is_utf8(data):
        suspects.update(range(len(lines.starts)))
    for row in sorted(suspects - set(errors)):
        line = data[lines.starts[row] : lines.stops[row]]
        if not _is_utf8(line) or depth(line) > DEPTH_MAX:
            errors[row] = _why_refused(line)
    return errors


def _too_long(length: int, row_bytes_max: int) -> RowError:
    cut = f"; its first {LONG_ROW_BYTES_KEPT:,} are kept here" if length > LONG_ROW_BYTES_KEPT else ""
    return RowError(TOO_LONG, f"the line has {length:,} bytes, at most {row_bytes_max:,} are read{cut}")


def _find_long_row(path: str, start: int, fragment: Fragment, row_bytes_max: int) -> BadRow | None:
    """The one row of a fragment, where it is too long; in bounded memory, however long it is.

    None: it is not, blank lines make the fragment large.
    """
    size = fragment.byte_stop - fragment.byte_start
    digest = xxhash.xxh3_128()
    head, blanks_before, blanks_behind, seen, line = b"", 0, 0, 0, fragment.line_start
    for chunk_start in range(0, size, CHUNK_BYTES):
        chunk = read_range(path, start + chunk_start, start + min(size, chunk_start + CHUNK_BYTES))
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
        raise _changed(path, fragment)
    length = seen - blanks_before - blanks_behind
    if length <= row_bytes_max:
        return None
    error = _too_long(length, row_bytes_max)
    return BadRow(
        row=0,
        line=line,
        byte_offset=fragment.byte_start + blanks_before,
        raw=head,
        error_type=error.error_type,
        message=error.message,
        is_whole=False,
    )


def _only_bad(row: BadRow, text_keys: tuple[str, ...], fragment: Fragment) -> ReadRows:
    none = np.empty(0, np.int64)
    columns = {key: text_array([]) for key in text_keys}
    source = JsonlRows(b"", RowLines(none, none, none), none, columns, fragment)
    return ReadRows(batch=Batch.of(source, 0), bad=(row,), rows_in=1)


def _changed(path: str, fragment: Fragment) -> InputError:
    return source_changed(
        path, f"bytes {fragment.byte_start:,} to {fragment.byte_stop:,} are not those of the scan"
    )


def _rows_with_many_brackets(data: bytes, lines: RowLines) -> list[int]:
    """Rows with so many "[" and "{" that they may be nested too deep; nearly always none."""
    array = np.frombuffer(data, np.uint8)
    places = np.concatenate(
        [
            np.flatnonzero((array[start : start + _SLICE_BYTES] & 0xDF) == 0x5B) + start
            for start in range(0, max(1, len(data)), _SLICE_BYTES)
        ]
    )
    if len(places) <= DEPTH_MAX:
        return []
    counts = np.searchsorted(places, lines.stops) - np.searchsorted(places, lines.starts)
    many: list[int] = np.flatnonzero(counts > DEPTH_MAX).tolist()
    return many


def _is_utf8(data: bytes) -> bool:
    whole = pa.LargeStringArray.from_buffers(1, pa.py_buffer(np.array([0, len(data)])), pa.py_buffer(data))
    try:
        whole.validate(full=True)  # twice as fast as bytes.decode
    except pa.ArrowInvalid:
        return False
    return True


def _why_refused(line: bytes) -> RowError:
    try:
        read_strictly(line, ())
    except RowError as error:
        return error
    raise AssertionError("a row was refused that can be read")


def _decode_texts(
    data: bytes, lines: RowLines, text_keys: tuple[str, ...], refused: dict[int, RowError]
) -> tuple[dict[str, list[str]], dict[int, RowError]]:
    """The text columns of all rows that can be read, and why the others cannot."""
    decode = text_decoder(text_keys)
    view = memoryview(data)
    found: list[tuple[str, ...]] = []
    errors: dict[int, RowError] = {}
    for row, (start, stop) in enumerate(zip(lines.starts.tolist(), lines.stops.tolist(), strict=True)):
        if row in refused:
            continue
        try:
            found.append(decode(view[start:stop]))
        except REFUSALS:
            try:
                found.append(read_strictly(data[start:stop], text_keys))
            except RowError as error:
                errors[row] = error
    columns = list(map(list, zip(*found, strict=True))) or [[] for _ in text_keys]
    return dict(zip(text_keys, columns, strict=True)), errors


def text_array(texts: list[str]) -> pa.Array:
    """Strings as large_string. `pa.array` takes five times as long where they are not ASCII."""
    encoded = [text.encode() for text in texts]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=offsets[1:])
    return pa.LargeStringArray.from_buffers(
        len(encoded), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))
    )


def _bad_row(data: bytes, lines: RowLines, fragment: Fragment, row: int, error: RowError) -> BadRow:
    start, stop = int(lines.starts[row]), int(lines.stops[row])
    kept = min(stop, start + LONG_ROW_BYTES_KEPT) if error.error_type == TOO_LONG else stop
    return BadRow(
        row=row,
        line=int(lines.numbers[row]),
        byte_offset=fragment.byte_start + start,
        raw=data[start:kept],
        error_type=error.error_type,
        message=error.message,
        is_whole=kept == stop,
    )
