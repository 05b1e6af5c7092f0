"""Keeps rows that meet a condition over their fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa

from data_juicer.ops.base import Filter
from data_juicer.ops.filter._condition import Condition
from data_juicer.rows.field_columns import distinct_field

if TYPE_CHECKING:
    from data_juicer.kernels.arrays import Mask
    from data_juicer.rows.batch import Batch


class GeneralFieldFilter(Filter):
    """Filtering by expression: keeps rows for which `filter_condition` is true.

    The condition is made of fields (`meta.lang` reaches into objects, `__dj__stats__.text_len` is a stat of a filter
    before), constants, lists of constants, comparisons (also in chains and with `in`), `and`, `or` and `not`.
    A comparison with null is false. A field that a row does not have is an error.

    Args:
        filter_condition: such as `10 < num <= 30 and meta.lang in ['en', 'fr']`; empty: every row is kept.
    """

    name: ClassVar[str] = "general_field_filter"
    stats_key: ClassVar[str] = "general_field_filter_condition"

    def __init__(self, filter_condition: str = "") -> None:
        self.condition = Condition.parse(filter_condition) if filter_condition.strip() else None

    def text_keys_read(self) -> tuple[str, ...]:
        return ()

    def compute_stats(self, batch: Batch) -> Mapping[str, pa.Array]:
        if self.condition is None:
            return {self.stats_key: pa.array(np.ones(len(batch), np.bool_))}
        columns = {field: distinct_field(batch, field) for field in self.condition.fields}
        return {self.stats_key: pa.array(self.condition.holds(columns, len(batch)))}

    def keep(self, stats: Mapping[str, pa.Array]) -> Mask:
        kept: Mask = stats[self.stats_key].to_numpy(zero_copy_only=False)
        return kept
