"""A checkpoint as a delta: what changed against the checkpoint below it (docs/design/0001-deltas.md). Pure.

Columns of a delta: `base`, the row's number in the delta below (-1: a row of its own); `text:KEY`, null where the text
is the one below; `field:KEY`, the whole field as raw JSON, null where a row lacks it; `stat:NAME`, stats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from data_juicer.kernels.arrays import Mask
from data_juicer.rows import json_values
from data_juicer.rows.batch import Batch, Rows

BASE: Final = "base"
TEXT: Final = "text:"
FIELD: Final = "field:"
STAT: Final = "stat:"


def make_delta(below: Batch, batch: Batch) -> pa.Table:
    """What `batch` is, as changes of `below`: the batch that the deltas so far give back, and that it was made from."""
    base = np.arange(len(batch), dtype=np.int32) if batch.base is None else batch.base
    own = base < 0
    indices = pa.array(base, mask=own)
    in_place = _in_place(base, len(below))
    columns: dict[str, pa.Array] = {BASE: pa.array(base)}
    for key, column in batch.texts.items():
        if below.texts.get(key) is column or (key in batch.unwritten and not own.any()):
            continue
        was = below.find_text(key)
        if was is None:  # it holds something else there, or nothing, from which no text can be derived
            columns[TEXT + key] = column
            continue
        before = was if in_place else was.take(indices)
        same = pc.fill_null(pc.equal(before, column), False).to_numpy(zero_copy_only=False)
        if not same.all():  # by taking, so that only the changed texts are copied
            columns[TEXT + key] = column.take(pa.array(np.arange(len(column)), mask=same))
    for key, column in batch.fields.items():
        if below.fields.get(key) is not column:
            columns[FIELD + key] = column
    for name, column in batch.stats.items():
        earlier = below.stats.get(name)
        if earlier is None or (earlier is not column and not earlier.take(indices).equals(column)):
            columns[STAT + name] = column
    return pa.table(columns)


def apply_delta(below: Batch, delta: pa.Table) -> Batch:
    """The batch that `make_delta` was given, from the one below it."""
    base = delta.column(BASE).to_numpy()
    own = base < 0
    if _in_place(base, len(below)):
        batch = below
    elif not own.any():
        batch = below.take(base)
    elif own.all():
        batch = _rows_of_their_own(below, len(base))
    else:
        batch = _with_own_rows(below, base, own)
    stats = {}
    for name in delta.column_names:
        kind, colon, key = name.partition(":")
        column = delta.column(name).combine_chunks()
        if kind + colon == TEXT:
            new = column if column.null_count == 0 else pc.coalesce(column, batch.text(key))
            batch = batch.with_text(key, new)
        elif kind + colon == FIELD:
            batch = batch.with_raw(key, column)
        elif kind + colon == STAT:
            stats[key] = column
    return (batch.with_stats(stats) if stats else batch).rebased()


def join_batches(batches: Sequence[Batch]) -> Batch:
    """Batches of one partition as one, in order; at least one. `base` must count from one common batch."""
    if len(batches) == 1:
        return batches[0]
    first = batches[0]

    def joined(kind: str) -> dict[str, pa.Array]:
        names = dict.fromkeys(name for batch in batches for name in getattr(batch, kind))
        return {name: _joined_column(batches, kind, name) for name in names}

    return Batch(
        source=first.source,
        origin=np.concatenate([batch.origin for batch in batches]),
        texts=joined("texts"),
        fields=joined("fields"),
        stats=joined("stats"),
        base=None
        if first.base is None
        else np.concatenate([batch.base for batch in batches if batch.base is not None]),
        unwritten=frozenset.intersection(*(batch.unwritten for batch in batches)),
    )


def split_batch(batch: Batch, rows_max: int, bytes_max: int = 0) -> list[Batch]:
    """The batch in slices of at most `rows_max` rows and `bytes_max` bytes; `base` of each slice counts in the whole."""
    return in_slices(replace(batch, base=np.arange(len(batch), dtype=np.int32)), rows_max, bytes_max)


def in_slices(
    batch: Batch, rows_max: int, bytes_max: int = 0, row_bytes: npt.NDArray[np.int64] | None = None
) -> list[Batch]:
    """The batch in slices of at most `rows_max` rows, `base` counting where it did.

    Args:
        bytes_max: of a slice of more than one row; 0: no bound.
        row_bytes: how much each row counts for that, shape (rows,); by default its own bytes.
    """
    stops = list(range(rows_max, len(batch), rows_max))
    if bytes_max and len(batch) > 1:
        sizes = batch.row_bytes() if row_bytes is None else row_bytes
        if int(sizes.sum()) > bytes_max:
            stops = _stops(np.cumsum(sizes), rows_max, bytes_max)
    if not stops:
        return [batch]
    return [
        batch.take(np.arange(start, stop, dtype=np.int32))
        for start, stop in pairwise([0, *stops, len(batch)])
    ]


def _stops(ends: npt.NDArray[np.int64], rows_max: int, bytes_max: int) -> list[int]:
    """Where slices end, the last one aside. `ends`: bytes up to the end of each row."""
    stops, start, before = [], 0, 0
    while start < len(ends):
        fitting = int(np.searchsorted(ends, before + bytes_max, side="right"))
        start = min(max(fitting, start + 1), start + rows_max)
        stops.append(start)
        before = int(ends[min(start, len(ends)) - 1])
    return stops[:-1]


def _in_place(base: Rows, rows_below: int) -> bool:
    """Whether the rows are those below, each at its place."""
    return len(base) == rows_below and bool((base == np.arange(rows_below)).all())


def _rows_of_their_own(below: Batch, rows: int) -> Batch:
    return Batch(below.source, np.full(rows, -1, dtype=np.int32))


def _with_own_rows(below: Batch, base: Rows, own: Mask) -> Batch:
    """The rows below, and between them rows of their own, which have none of the fields and stats of those.

    Texts of theirs are whatever: a delta holds every text of such a row.
    """
    batch = below.take(np.where(own, 0, base))
    nothing = pa.array(own)

    def cleared(columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        return {
            name: pc.if_else(nothing, pa.scalar(None, column.type), column)
            for name, column in columns.items()
        }

    return replace(
        batch,
        origin=np.where(own, -1, batch.origin).astype(np.int32),
        fields=cleared(batch.fields),
        stats=cleared(batch.stats),
        cache={},
    )


def _joined_column(batches: Sequence[Batch], kind: str, name: str) -> pa.Array:
    parts = []
    for batch in batches:
        column = getattr(batch, kind).get(name)
        if column is None:
            column = batch.text(name) if kind == "texts" else batch.raw(name) if kind == "fields" else None
        parts.append(pa.nulls(len(batch)) if column is None else column)
    kinds = {part.type for part in parts if not pa.types.is_null(part.type)}
    if len(kinds) > 1:  # stats of an operator that gives a number here and a text there
        return pa.concat_arrays([json_values.raw_stats(part) for part in parts])
    wanted = kinds.pop() if kinds else pa.null()
    return pa.concat_arrays([part.cast(wanted) if part.type != wanted else part for part in parts])
