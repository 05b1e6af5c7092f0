"""Filters that keep the rows whose one stat is in a range."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from data_juicer.ops.base import Filter
from data_juicer.ops.bases.ranges import RangeParameters, in_range

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.kernels.arrays import Mask
    from data_juicer.rows.batch import Batch


class RangeFilter(RangeParameters, Filter):
    """Keeps the rows whose stat is between a least and a greatest value; either may be missing.

    A subclass passes the two bounds of its own parameters to `__init__` and computes the stat of each row.
    """

    version: ClassVar[int | str] = 2
    keep_attributes: ClassVar[frozenset[str]] = frozenset({"low", "high", *RangeParameters.shared_parameters})

    def __init__(self, low: float | None, high: float | None) -> None:
        self.low = low
        self.high = high

    @property
    @abstractmethod
    def stats_key(self) -> str:
        """The name of the stat."""

    @abstractmethod
    def stat(self, batch: Batch) -> pa.Array:
        """The stat of each row, shape (rows,)."""

    def compute_stats(self, batch: Batch) -> Mapping[str, pa.Array]:
        return {self.stats_key: self.stat(batch)}

    def explain(self, row_stats: Mapping[str, Any]) -> str:
        value = row_stats[self.stats_key]
        no_high = (
            self.high is None or self.high >= sys.maxsize
        )  # DataJuicer's default says "any" with a number
        if not self.reversed_range and (self.low is None) != no_high:
            side = f"above {self.high}" if self.low is None else f"below {self.low}"
            return f"{self.stats_key} = {value} is {side}"
        bounds = f"[{'' if self.low is None else self.low}, {'' if no_high else self.high}]"
        return f"{self.stats_key} = {value} is {'inside' if self.reversed_range else 'outside'} {bounds}"

    def keep(self, stats: Mapping[str, pa.Array]) -> Mask:
        row_stats = stats[self.stats_key].to_numpy(zero_copy_only=False)
        kept: Mask = np.broadcast_to(in_range(row_stats, self.low, self.high, self), len(row_stats))
        return kept
