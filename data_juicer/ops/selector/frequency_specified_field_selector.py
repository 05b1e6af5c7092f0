"""Keeps the rows with the most or least frequent values in a field."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa
import xxhash

from data_juicer.ops.dataset.ranks.frequencies import FrequencySelector
from data_juicer.ops.dataset.selection import column_of
from data_juicer.ops.dataset.text_hash import HASH
from data_juicer.rows import json_values

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class FrequencySpecifiedFieldSelector(FrequencySelector):
    """Selection by value frequency: keeps the rows with the most (or least) frequent values of a field; among equally frequent values the first wins.

    Rows without a value are never selected. Without a field, or with neither `top_ratio` nor `topk`, every row is kept. With
    both the smaller one counts.

    Args:
        field_key: the field; dots reach into objects, and `__dj__stats__.NAME` is a stat of a filter before.
        top_ratio: the share of values that is kept, rounded down.
        topk: how many values are kept.
        reverse: the most frequent; False: the least.
    """

    name: ClassVar[str] = "frequency_specified_field_selector"

    def summarise(self, batch: Batch) -> pa.Table:
        column = column_of(batch, self.field_key) if self.field_key else [None] * len(batch)
        hashed = [None if value is None else _digest(value) for value in column]
        return pa.table({"value": pa.array(hashed, HASH)})


def _digest(value: object) -> bytes:
    return xxhash.xxh3_128_digest(json_values.encode(value))
