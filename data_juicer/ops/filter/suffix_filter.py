"""Keeps rows by the suffix of the file that they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa

from data_juicer.ops.base import Filter
from data_juicer.rows.field_columns import SUFFIX_FIELD, distinct_field

if TYPE_CHECKING:
    from data_juicer.kernels.arrays import Mask
    from data_juicer.rows.batch import Batch


class SuffixFilter(Filter):
    """File suffix: keeps rows whose file has one of the given suffixes, compared literally (`.txt` is not `txt`).

    The field `__dj__suffix__` of a row goes before the suffix of the file that it is read from.

    Args:
        suffixes: one suffix or several; empty: every row is kept.
    """

    name: ClassVar[str] = "suffix_filter"
    stats_key: ClassVar[str] = "suffix_kept"
    shared_parameters: ClassVar[tuple[str, ...]] = ("reversed_range",)

    reversed_range: bool = False
    """Keep the rows with another suffix instead."""

    def __init__(self, suffixes: str | list[str] = []) -> None:  # noqa: B006 - never changed
        self.suffixes = frozenset([suffixes] if suffixes and isinstance(suffixes, str) else suffixes)

    def text_keys_read(self) -> tuple[str, ...]:
        return ()

    def reads_suffix(self) -> bool:
        return True

    def compute_stats(self, batch: Batch) -> Mapping[str, pa.Array]:
        if not self.suffixes:
            return {self.stats_key: pa.array(np.ones(len(batch), np.bool_))}
        listed = distinct_field(batch, SUFFIX_FIELD).where(self.suffixes.__contains__)
        return {self.stats_key: pa.array(listed != self.reversed_range)}

    def keep(self, stats: Mapping[str, pa.Array]) -> Mask:
        kept: Mask = stats[self.stats_key].to_numpy(zero_copy_only=False)
        return kept
