"""Samples of what operators did, for people: rows before and after, and dropped rows with the stat that dropped them.

Which rows are sampled follows from (seed, operator, place of the row in the input when its partition was computed) alone, so that
every run, backend and partition size shows the same ones: those whose hash is smallest. Pure.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from data_juicer.formats.places import Located, locate, place_fields
from data_juicer.kernels.arrays import Mask
from data_juicer.ops.base import Filter, Operator
from data_juicer.portable import PortableJson
from data_juicer.rows.batch import Batch, Rows
from data_juicer.rows.place import Place

TEXT_LENGTH_MAX: Final = 4000
"""Longer values are cut in a trace, and marked so."""


class TraceRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sampled row at one operator."""

    operator: str
    operator_index: int
    what: Literal["changed", "dropped"]
    place: Place | None = None
    """Where the row is in its fragment, as it is committed; None where its place in the source is known."""
    source: str = ""
    line: int = 0
    """Line of the row in its source, from 1; 0 in formats without lines."""
    byte_offset: int = -1
    source_row: int = -1
    """From 0, among all rows of the source."""
    row_group: int = -1
    """From 0, as pyarrow counts; -1 in formats without row groups."""
    row_in_group: int = -1
    rank: str
    """Hash of seed, operator and row: the smallest ones are the sample."""
    before: dict[str, str]
    """Field -> its value, texts as they are and other fields as JSON."""
    after: dict[str, str] | None = None
    """None for a dropped row."""
    why: str | None = None
    """For a row that a filter dropped: its stats and the bound."""


_JSON: Final = PortableJson[TraceRecord](TraceRecord)


def sample(
    operator: Operator, index: int, before: Batch, after: Batch, size: int, seed: int
) -> list[TraceRecord]:
    """What the operator made of a batch: at most `size` changed rows and as many dropped ones.

    Args:
        after: its `base` counts in `before`.
    """
    base = np.arange(len(before), dtype=np.int32) if after.base is None else after.base
    dropped = np.setdiff1d(np.arange(len(before), dtype=np.int32), base)
    ranks = _Ranks(before, index, seed)
    records = [
        _dropped(operator, index, before, row, rank) for rank, row in ranks.smallest(dropped.tolist(), size)
    ]
    return records + sample_changed(operator.name, index, before, after, size, seed)


def sample_changed(
    name: str, index: int, before: Batch, after: Batch, size: int, seed: int
) -> list[TraceRecord]:
    """At most `size` rows that are in both batches and differ.

    Args:
        name: of the operator, or of those that are between the batches.
        after: its `base` counts in `before`.
    """
    base = np.arange(len(before), dtype=np.int32) if after.base is None else after.base
    ranks = _Ranks(before, index, seed)
    keys, changed = _changes(before, after, base)
    rows = {int(base[row]): int(row) for row in reversed(np.flatnonzero(changed & (base >= 0)))}
    return [
        TraceRecord(
            operator=name,
            operator_index=index,
            what="changed",
            place=_place(before, row),
            rank=rank,
            before=_values(before, row, keys),
            after=_values(after, rows[row], keys),
        )
        for rank, row in ranks.smallest(rows, size)
    ]


def merge(lines: Iterable[tuple[Located, bytes]], size: int) -> dict[int, list[TraceRecord]]:
    """The sample of the whole job from those of its partitions: operator index -> records, changed ones first.

    Args:
        lines: committed records, each with the partition that it is of.
    """
    groups: dict[tuple[int, str], list[TraceRecord]] = {}
    for partition, line in lines:
        record = resolve_place(_JSON.decode(line), partition)
        kept = groups.setdefault((record.operator_index, record.what), [])
        kept.append(record)
        kept.sort(key=lambda each: (each.rank, each.line))
        del kept[size:]
    merged: dict[int, list[TraceRecord]] = {}
    for (index, _), records in sorted(groups.items()):
        merged.setdefault(index, []).extend(records)
    return merged


def encode(record: TraceRecord) -> bytes:
    return _JSON.encode(record)


class _Ranks:
    def __init__(self, batch: Batch, index: int, seed: int) -> None:
        self._batch = batch
        self._ids = batch.row_ids()
        self._prefix = f"{seed}:{index}:".encode()

    def smallest(self, rows: Iterable[int], size: int) -> list[tuple[str, int]]:
        ranked = (
            (xxhash.xxh3_64_hexdigest(self._prefix + int(self._ids[row]).to_bytes(8, "little")), row)
            for row in rows
            if self._batch.origin[row] >= 0
        )
        return heapq.nsmallest(size, ranked)


def _changes(before: Batch, after: Batch, base: Rows) -> tuple[list[str], Mask]:
    """The fields that the operator wrote, and the rows of `after` in which any of them differs."""
    indices = pa.array(base, mask=base < 0)
    changed: Mask = np.zeros(len(after), np.bool_)
    keys = []
    for key, column in after.texts.items():
        if before.texts.get(key) is not column:
            keys.append(key)
            was = before.find_text(key)
            if was is not None:
                changed |= _differs(was.take(indices), column)
            else:  # no text before, or there is none in some rows: compared as the JSON that they are
                changed |= _differs(before.raw(key).take(indices), after.raw(key))
    for key, column in after.fields.items():
        if before.fields.get(key) is not column:
            keys.append(key)
            changed |= _differs(before.raw(key).take(indices), column)
    return keys, changed


def _differs(before: pa.Array, after: pa.Array) -> Mask:
    either_missing = pc.xor(before.is_null(), after.is_null())
    differs = pc.or_(pc.fill_null(pc.not_equal(before, after), False), either_missing)
    mask: Mask = differs.to_numpy(zero_copy_only=False)
    return mask


def _dropped(operator: Operator, index: int, before: Batch, row: int, rank: str) -> TraceRecord:
    why = None
    if isinstance(operator, Filter):
        stats = operator.compute_stats(before.take(np.array([row], dtype=np.int32)))
        why = operator.explain({name: column[0].as_py() for name, column in stats.items()})
    return TraceRecord(
        operator=operator.name,
        operator_index=index,
        what="dropped",
        place=_place(before, row),
        rank=rank,
        before=_values(before, row, operator.text_keys_read()),
        why=why,
    )


def _place(batch: Batch, row: int) -> Place:
    return batch.source.place(int(batch.origin[row]))


def resolve_place(record: TraceRecord, partition: Located) -> TraceRecord:
    """The record with the place that its row has now; one that an earlier version committed has the line that it had then."""
    if record.place is None:
        return record
    source, place = locate(record.place, partition)
    return msgspec.structs.replace(record, place=None, source=source, **place_fields(place))


def _values(batch: Batch, row: int, keys: Sequence[str]) -> dict[str, str]:
    shown = {}
    for key in keys:
        texts = None if key in batch.fields else batch.find_text(key)
        if texts is not None:
            value = texts[row].as_py()
        else:
            raw = batch.raw(key)[row].as_py()
            value = "" if raw is None else raw.decode()
        shown[key] = value if len(value) <= TEXT_LENGTH_MAX else value[:TEXT_LENGTH_MAX] + " [cut]"
    return shown
