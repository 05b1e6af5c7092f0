"""Rows -> JSON Lines. A row that nothing changed leaves as the very bytes that came in."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from data_juicer.formats.jsonl.read import JsonlRows
from data_juicer.kernels.arrays import Mask
from data_juicer.kernels.characters.json_strings import encode_strings
from data_juicer.rows import json_values
from data_juicer.rows.batch import STATS_FIELD, Batch

_ENCODE = msgspec.json.Encoder().encode
_OPEN_ROW = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

RawRow = dict[str, Any]
"""Members of a row as bytes-like raw JSON."""


def encode_rows(batch: Batch, *, keep_stats: bool = False) -> bytes:
    """The rows of a batch as JSON Lines, each ending in a newline.

    Args:
        keep_stats: merge the stats of filters into the field `STATS_FIELD`, otherwise they are left out.
    """
    rewritten = _rewritten_rows(batch, keep_stats=keep_stats)
    parts = _source_lines(batch, rewritten)
    if rewritten.any():
        rows = np.flatnonzero(rewritten)
        opened = _open_rows(batch, rows)
        _put_texts(batch, rows, opened)
        _put_fields(batch, rows, opened)
        if keep_stats and batch.stats:
            _put_stats(batch, rows, opened)
        members = _Members()
        for row, members_of_row in zip(rows.tolist(), opened, strict=True):
            own = batch.origin[row] < 0
            parts[row] = members.join(dict(sorted(members_of_row.items())) if own else members_of_row)
    parts.append(b"")
    return b"\n".join(parts)


def _rewritten_rows(batch: Batch, *, keep_stats: bool) -> Mask:
    """Rows that differ from their source line, shape (rows,)."""
    if keep_stats and batch.stats:
        return np.ones(len(batch), np.bool_)
    rewritten: Mask = batch.origin < 0
    for key in batch.texts:
        rewritten = rewritten | batch.changed(key)
    for key, column in batch.fields.items():
        rewritten = rewritten | _differs(column, batch.source.field(key).take(_indices(batch)))
    return rewritten


def _differs(column: pa.Array, before: pa.Array) -> Mask:
    equal = pc.equal(column, before).fill_null(False).to_numpy(zero_copy_only=False)
    both_missing = pc.and_(column.is_null(), before.is_null()).to_numpy(zero_copy_only=False)
    differs: Mask = ~(equal | both_missing)
    return differs


def _indices(batch: Batch) -> pa.Array:
    return pa.array(batch.origin, mask=batch.origin < 0)


def _source_lines(batch: Batch, rewritten: Mask) -> list[Any]:
    """The lines of the rows that did not change; b"" where a row is rewritten."""
    origins = np.where(rewritten, -1, batch.origin).tolist()
    source = batch.source
    if isinstance(source, JsonlRows):
        data, starts, stops = source.data, source.starts, source.stops
        return [b"" if origin < 0 else data[starts[origin] : stops[origin]] for origin in origins]
    return [b"" if origin < 0 else json_values.join_object(source.fields(origin)) for origin in origins]


def _open_rows(batch: Batch, rows: npt.NDArray[np.intp]) -> list[RawRow]:
    source = batch.source
    origins = batch.origin[rows].tolist()
    if isinstance(source, JsonlRows):
        return [_OPEN_ROW(source.line(origin)) if origin >= 0 else {} for origin in origins]
    return [dict(source.fields(origin)) if origin >= 0 else {} for origin in origins]


def _put_texts(batch: Batch, rows: npt.NDArray[np.intp], opened: list[RawRow]) -> None:
    for key, column in batch.texts.items():
        written = batch.changed(key)[rows]
        encoded = encode_strings(column.take(pa.array(rows[written])))
        for row, raw in zip(np.flatnonzero(written).tolist(), encoded, strict=True):
            json_values.put(opened[row], key, raw)


def _put_fields(batch: Batch, rows: npt.NDArray[np.intp], opened: list[RawRow]) -> None:
    for key, column in batch.fields.items():
        for row, raw in zip(opened, column.take(pa.array(rows)).to_pylist(), strict=True):
            if raw is None:
                row.pop(key, None)
            else:
                row[key] = raw


def _put_stats(batch: Batch, rows: npt.NDArray[np.intp], opened: list[RawRow]) -> None:
    names = list(batch.stats)
    columns = [json_values.raw_stats(batch.stats[name].take(pa.array(rows))).to_pylist() for name in names]
    for row, *row_values in zip(opened, *columns, strict=True):
        stats: RawRow = {}
        if bytes(row.get(STATS_FIELD, b"")).startswith(b"{"):
            stats = _OPEN_ROW(row[STATS_FIELD])
        stats.update(zip(names, row_values, strict=True))
        row[STATS_FIELD] = _Members().join(stats)


class _Members:
    """Joins raw members to objects; what precedes the values is made once for all rows with the same keys."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, ...], tuple[bytes, ...]] = {}

    def join(self, row: RawRow) -> bytes:
        if not row:
            return b"{}"
        keys = tuple(row)
        before = self._before.get(keys)
        if before is None:
            before = self._before[keys] = _before_values(keys)
        parts: list[Any] = [b"}"] * (2 * len(row) + 1)
        parts[:-1:2] = before
        parts[1::2] = row.values()
        return b"".join(parts)


def _before_values(keys: tuple[str, ...]) -> tuple[bytes, ...]:
    names = [_ENCODE(key) + b":" for key in keys]
    return (b"{" + names[0], *(b"," + name for name in names[1:]))
