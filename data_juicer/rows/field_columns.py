"""Fields of rows as columns of few distinct values, so that a decision is taken once for each value."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.rows import json_values
from data_juicer.rows.batch import STATS_FIELD

if TYPE_CHECKING:
    from data_juicer.kernels.arrays import Mask
    from data_juicer.rows.batch import Batch


SUFFIX_FIELD: Final = "__dj__suffix__"
"""The suffix of the file that a row comes from: a field that rows may have, and that readers give to those without."""


class Distinct(msgspec.Struct, frozen=True):
    """A column as the values that occur and, for each row, which of them it has."""

    values: list[Any]
    codes: npt.NDArray[np.int64]
    """Index into `values`, shape (rows,)."""

    @staticmethod
    def of(column: pa.Array) -> Distinct:
        """Any column of scalars; raw JSON (large_binary) is decoded, null is None."""
        encoded = column.dictionary_encode(null_encoding="encode")
        found = encoded.dictionary.to_pylist()
        decoded = (
            [json_values.decode(raw) for raw in found] if pa.types.is_large_binary(column.type) else found
        )
        return Distinct(decoded, encoded.indices.to_numpy().astype(np.int64))

    def where(self, decide: Callable[[Any], bool]) -> Mask:
        """The rows whose value `decide` says yes to, shape (rows,)."""
        chosen = np.fromiter((decide(value) for value in self.values), np.bool_, len(self.values))
        kept: Mask = chosen[self.codes] if len(chosen) else np.zeros(len(self.codes), np.bool_)
        return kept


def completed(column: pa.Array, key: str, suffix: str) -> pa.Array:
    """The field `key` of a file's rows as raw JSON, with the file's suffix where that is what they lack.

    Args:
        suffix: empty where rows are not to know it.
    """
    return column.fill_null(json_values.encode(suffix)) if key == SUFFIX_FIELD and suffix else column


def raw_field(batch: Batch, key: str) -> pa.Array:
    """The field `key` of every row as raw JSON: large_binary, shape (rows,), no nulls.

    A key with dots reaches into objects. A field that a row lacks is not taken for null: a misspelt key would then drop
    every row without a word.

    Raises: ValueError: a row has no such field.
    """
    column = batch.raw(key)
    if column.null_count:
        raise ValueError(
            f"{column.null_count} of {len(column)} rows have no field {key!r}; null would be a value"
        )
    return column


def distinct_field(batch: Batch, key: str) -> Distinct:
    """The field `key` of every row, or the stat NAME of a filter before where the key is `__dj__stats__.NAME`.

    Raises: ValueError: a row has no such field, or no filter before gives this stat.
    """
    head, _, stat = key.partition(".")
    if head != STATS_FIELD:
        return Distinct.of(raw_field(batch, key))
    if stat not in batch.stats:
        known = ", ".join(sorted(batch.stats)) or "none"
        raise ValueError(f"no filter before gives a stat {stat!r}; there are: {known}")
    return Distinct.of(batch.stats[stat])
