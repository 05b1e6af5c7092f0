"""Rows as Python values, as operators left them, written back into a batch. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import pyarrow as pa

from data_juicer.rows import json_values
from data_juicer.rows.batch import STATS_FIELD, Batch
from data_juicer.rows.stats import stats_columns


def with_values(batch: Batch, after: Sequence[Mapping[str, Any]]) -> Batch:
    """The batch with the values that rows have after an operator; fields whose value did not change stay as they came.

    Args:
        after: every field of each row, shape (rows,); stats under STATS_FIELD.
    Raises: ValueError: a value has no JSON form. TypeError: a text became something else.
    """
    before = [batch.raw_row(index) for index in range(len(batch))]
    keys = dict.fromkeys(
        key for rows in (before, after) for row in rows for key in cast("Iterable[str]", row)
    )
    for key in keys:
        if key == STATS_FIELD:
            continue
        column = [
            _raw(key, old.get(key), new.get(key, json_values.MISSING))
            for old, new in zip(before, after, strict=True)
        ]
        if column != [old.get(key) for old in before]:
            batch = with_field(batch, key, column)
    recorded = (row.get(STATS_FIELD) for row in after)
    stats = [row if isinstance(row, dict) else {} for row in recorded]  # a grouper makes a list of them
    return batch.with_stats(stats_columns(stats)) if any(stats) else batch


def _raw(key: str, old: bytes | None, value: Any) -> bytes | None:
    """The field as raw JSON: the old bytes if they mean the same."""
    if value is json_values.MISSING:
        return None
    new = json_values.encode_field(key, value)
    if old is not None and (new == old or new == json_values.encode(json_values.decode(old))):
        return old
    return new


def with_field(batch: Batch, key: str, column: Sequence[bytes | None]) -> Batch:
    """The batch with one field as raw JSON, None where a row has none; a text column stays one."""
    raw = pa.array(column, pa.large_binary())
    if not _is_text(batch, key):
        return batch.with_raw(key, raw)
    texts = [json_values.MISSING if item is None else json_values.decode(item) for item in column]
    wrong = next((text for text in texts if not isinstance(text, str)), None)
    if wrong is not None:
        raise TypeError(f"field {key!r} is a text and must stay a string, the operator made it {wrong!r}")
    return batch.with_text(key, pa.array(texts, pa.large_string()))


def _is_text(batch: Batch, key: str) -> bool:
    """Whether the field must hold strings: not where an operator put something else there, as groupers do."""
    if key in batch.texts or key in batch.fields:
        return key in batch.texts
    try:
        batch.source.text(key)
    except KeyError:
        return False
    return True
