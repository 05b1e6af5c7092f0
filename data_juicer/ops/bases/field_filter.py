"""Filters that decide by the value of one field, whatever its type."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from data_juicer.ops.base import Filter
from data_juicer.rows.field_columns import Distinct, raw_field

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.kernels.arrays import Mask
    from data_juicer.rows.batch import Batch


class FieldFilter(Filter):
    """Keeps the rows whose field has a value that `decide` says yes to; the stat is the value itself, as raw JSON."""

    def __init__(self, field_key: str) -> None:
        """Raises: ValueError: no field is named."""
        if not field_key:
            raise ValueError("field_key is empty; name the field that decides")
        self.field_key = field_key

    @abstractmethod
    def decide(self, value: Any) -> bool:
        """Whether rows with this value stay."""

    def text_keys_read(self) -> tuple[str, ...]:
        return ()

    def compute_stats(self, batch: Batch) -> Mapping[str, pa.Array]:
        if self.measures_only:  # a row without the field is no error where nothing is decided
            return {self.field_key: batch.raw(self.field_key).fill_null(b"null")}
        return {self.field_key: raw_field(batch, self.field_key)}

    def keep(self, stats: Mapping[str, pa.Array]) -> Mask:
        return Distinct.of(stats[self.field_key]).where(self.decide)
