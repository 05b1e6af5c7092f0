"""Makes one row of the rows with equal values in some fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa
import xxhash

from data_juicer.ops.dataset.grouping.grouper import Grouper
from data_juicer.ops.dataset.selection import column_of
from data_juicer.ops.dataset.text_hash import HASH
from data_juicer.rows import json_values

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class KeyValueGrouper(Grouper):
    """Grouping by key: makes one row, whose fields are lists, of all rows with equal values in some fields. A missing field counts as null.

    Values are compared by 128-bit hashes of their JSON: 1, 1.0 and true differ.

    Args:
        group_by_keys: the fields; dots reach into objects, and `__dj__stats__.NAME` is a stat of a filter before. By
            default the text.
    """

    name: ClassVar[str] = "key_value_grouper"

    def __init__(self, group_by_keys: list[str] | None = None) -> None:
        self.group_by_keys = group_by_keys or [self.text_key]

    def keys(self, batch: Batch) -> pa.Array:
        columns = [column_of(batch, key) for key in self.group_by_keys]
        hashed = [xxhash.xxh3_128_digest(json_values.encode(row)) for row in zip(*columns, strict=True)]
        return pa.array(hashed, HASH)
