"""The stats and tags of rows that stay, as lines of JSON for `NAME_stats.jsonl` beside the export. Pure."""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa

from data_juicer.rows import json_values
from data_juicer.rows.batch import META_FIELD, STATS_FIELD, Batch

_ENCODE = msgspec.json.Encoder().encode


def encode_exported_stats(batch: Batch) -> bytes:
    """A line a row: `{"__dj__stats__": {...}}`, and `__dj__meta__` where the row has tags; each ends in a newline.

    Empty where no row has either. Stats that a row brought along stay, unless a filter computed them anew.
    """
    has_tags, has_brought = _may_have(batch, META_FIELD), _may_have(batch, STATS_FIELD)
    if not (batch.stats or has_tags or has_brought):
        return b""
    lines: list[dict[str, Any]] = [{STATS_FIELD: stats} for stats in _stats_of(batch, has_brought)]
    if has_tags:
        for line, raw in zip(lines, batch.raw(META_FIELD).to_pylist(), strict=True):
            if raw is not None:
                line[META_FIELD] = msgspec.Raw(raw)
    if not batch.stats and not any(line[STATS_FIELD] or META_FIELD in line for line in lines):
        return b""
    return b"\n".join([*map(_ENCODE, lines), b""])


def _may_have(batch: Batch, key: str) -> bool:
    return key in batch.fields or batch.source.may_hold(key)


def _stats_of(batch: Batch, has_brought: bool) -> list[dict[str, Any]]:
    names = list(batch.stats)
    columns = [_values(batch.stats[name]) for name in names]
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    stats: list[dict[str, Any]] = rows if names else [{} for _ in range(len(batch))]
    if has_brought:
        before = batch.raw(STATS_FIELD).to_pylist()
        stats = [{**_brought(raw), **new} for raw, new in zip(before, stats, strict=True)]
    return stats


def _brought(raw: bytes | None) -> dict[str, Any]:
    if raw is None or not raw.startswith(b"{"):
        return {}
    return {name: msgspec.Raw(value) for name, value in json_values.raw_object(raw).items()}


def _values(column: pa.Array) -> list[Any]:
    """What is encoded as a value each; numbers by numpy, which is several times faster than scalar by scalar."""
    if pa.types.is_large_binary(column.type):
        return [None if raw is None else msgspec.Raw(raw) for raw in column.to_pylist()]
    if column.null_count == 0 and (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        values: list[Any] = column.to_numpy(zero_copy_only=False).tolist()
        return values
    return list(column.to_pylist())
