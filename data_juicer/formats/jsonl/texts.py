"""The text columns of JSON Lines: which rows can be read, and their declared fields. Pure.

A row is opened into raw members, which proves that it is JSON, and only the declared ones are decoded, all rows at once
(`kernels/characters/json_strings.py`): what a row costs is mostly the search for the ends of its strings.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.formats.base import LONG_ROW_BYTES_KEPT, TOO_LONG
from data_juicer.formats.jsonl.json_rows import (
    DEPTH_MAX,
    REFUSALS,
    RowError,
    TextFinder,
    depth,
    text_finder,
    why_refused,
)
from data_juicer.formats.jsonl.lines import RowLines
from data_juicer.kernels.characters.json_strings import decode_strings, text_array

_ROWS_AT_ONCE: Final = 8192
"""Bounds the memory of what is found but not decoded yet, some 0.5 KB a row."""
_SLICE_BYTES: Final = 1 << 16
"""Bytes that are looked through at once: what is computed of them stays in the cache, four times as fast."""


def decode_texts(
    data: bytes,
    lines: RowLines,
    text_keys: tuple[str, ...],
    row_bytes_max: int,
    *,
    null_is_empty: bool = False,
) -> tuple[dict[str, pa.Array], dict[int, RowError]]:
    """The text columns of all rows that can be read, large_string, and why the others cannot, by their index."""
    errors = _refused_at_sight(data, lines, row_bytes_max)
    rows = _found(data, lines, text_finder(text_keys, null_is_empty=null_is_empty), text_keys, errors)
    arrays: list[list[pa.Array]] = [[text_array([])] for _ in text_keys]
    while found := list(islice(rows, _ROWS_AT_ONCE)):
        for key, raws in enumerate(zip(*found, strict=True)):
            arrays[key].append(decode_strings(raws))
    columns = [chunks[1] if len(chunks) == 2 else pa.concat_arrays(chunks) for chunks in arrays]
    return dict(zip(text_keys, columns, strict=True)), errors


def too_long(length: int, row_bytes_max: int) -> RowError:
    cut = f"; its first {LONG_ROW_BYTES_KEPT:,} are kept here" if length > LONG_ROW_BYTES_KEPT else ""
    return RowError(TOO_LONG, f"the line has {length:,} bytes, at most {row_bytes_max:,} are read{cut}")


def _found(
    data: bytes, lines: RowLines, find: TextFinder, text_keys: tuple[str, ...], errors: dict[int, RowError]
) -> Iterator[tuple[memoryview, ...]]:
    """The raw text fields of each row that can be read; why others cannot is added to `errors`."""
    view = memoryview(data)
    refused = frozenset(errors)
    for row, (start, stop) in enumerate(zip(lines.starts.tolist(), lines.stops.tolist(), strict=True)):
        if row in refused:
            continue
        try:
            texts = find(view[start:stop])
        except REFUSALS:
            errors[row] = why_refused(data[start:stop], text_keys)
        else:
            yield texts


def _refused_at_sight(data: bytes, lines: RowLines, row_bytes_max: int) -> dict[int, RowError]:
    """Rows that must not reach the decoder: too long, not UTF-8, or nested too deep."""
    errors = {}
    lengths = lines.stops - lines.starts
    for row in np.flatnonzero(lengths > row_bytes_max).tolist():
        errors[row] = too_long(int(lengths[row]), row_bytes_max)
    suspects = set(_rows_with_many_brackets(data, lines))
    if not _is_utf8(data):
        suspects.update(range(len(lines.starts)))
    for row in sorted(suspects - set(errors)):
        line = data[lines.starts[row] : lines.stops[row]]
        if not _is_utf8(line) or depth(line) > DEPTH_MAX:
            errors[row] = why_refused(line, ())
    return errors


def _rows_with_many_brackets(data: bytes, lines: RowLines) -> list[int]:
    """Rows with so many "[" and "{" that they may be nested too deep; nearly always none.

    Brackets are counted by slices, which bounds those of a row; exactly only where the bound is too high.
    """
    array = np.frombuffer(data, np.uint8)
    slices = range(0, len(data), _SLICE_BYTES)
    counts = np.fromiter(
        (_count_brackets(array[start : start + _SLICE_BYTES]) for start in slices), np.int64, len(slices)
    )
    before = np.concatenate(([0], np.cumsum(counts)))
    bounds = before[(lines.stops - 1) // _SLICE_BYTES + 1] - before[lines.starts // _SLICE_BYTES]
    return [
        row
        for row in np.flatnonzero(bounds > DEPTH_MAX).tolist()
        if _count_brackets(array[lines.starts[row] : lines.stops[row]]) > DEPTH_MAX
    ]


def _count_brackets(array: npt.NDArray[np.uint8]) -> int:
    """How many "[" and "{" there are; they differ in one bit."""
    return int(np.count_nonzero((array & 0xDF) == 0x5B))


def _is_utf8(data: bytes) -> bool:
    whole = pa.LargeStringArray.from_buffers(1, pa.py_buffer(np.array([0, len(data)])), pa.py_buffer(data))
    try:
        whole.validate(full=True)  # twice as fast as bytes.decode
    except pa.ArrowInvalid:
        return False
    return True
