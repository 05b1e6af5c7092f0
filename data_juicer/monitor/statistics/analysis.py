"""What `dj-analyze` says beside histograms: how stats go together, and how many words each value of a field has. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.monitor.statistics.gather import PartitionStats
from data_juicer.rows.json_values import decode

Floats = npt.NDArray[np.float64]

GROUPS_MAX: Final = 10_000
"""Different values of a field; rows with others are counted together."""
OTHERS: Final = "(others)"
MISSING: Final = "(missing)"


class Correlations(msgspec.Struct, frozen=True, kw_only=True):
    """Pearson's coefficient of each pair of stats, in [-1, 1]; None where one of them never varies."""

    names: tuple[str, ...]
    coefficients: tuple[tuple[float | None, ...], ...]
    rows: int
    """Rows that have all of them."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The rows with one value of a field."""

    value: str
    rows: int
    words: int
    means: dict[str, float]
    """Of each numeric stat."""


class Groups(msgspec.Struct, frozen=True, kw_only=True):
    field: str
    rows: int
    groups: tuple[Group, ...]
    """The most words first."""
    rows_unknown: int
    """Rows of partitions of which sketches are kept, or with rows that failed, so that no value can be distinguished from another's."""


class CorrelationFold:
    """Adds partitions up: means and co-moments (Chan, Golub, LeVeque 1979), which lose no digits to large numbers."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._rows = 0
        self._means: Floats = np.zeros(0)
        self._moments: Floats = np.zeros((0, 0))

    def add(self, columns: dict[str, Floats]) -> None:
        """
        Args:
            columns: stats of the same rows by name, each shape (rows,).
        """
        if not self._names:
            self._names = tuple(columns)
            self._means = np.zeros(len(columns))
            self._moments = np.zeros((len(columns), len(columns)))
        if not columns or tuple(columns) != self._names:
            return
        table = np.column_stack([columns[name] for name in self._names])
        table = table[np.isfinite(table).all(axis=1)]
        rows = len(table)
        if not rows:
            return
        means = table.mean(axis=0)
        centred = table - means
        shift = means - self._means
        total = self._rows + rows
        self._moments += centred.T @ centred + np.outer(shift, shift) * self._rows * rows / total
        self._means += shift * rows / total
        self._rows = total

    def result(self) -> Correlations:
        spread = np.sqrt(np.diag(self._moments))
        scale = np.outer(spread, spread)
        return Correlations(
            names=self._names,
            coefficients=tuple(
                tuple(
                    float(np.clip(moment / by, -1.0, 1.0)) if by > 0 else None
                    for moment, by in zip(row, scales, strict=True)
                )
                for row, scales in zip(self._moments, scale, strict=True)
            ),
            rows=self._rows,
        )


class GroupFold:
    """Adds up words and stats by the values of one field."""

    def __init__(self, field: str, words: str) -> None:
        """
        Args:
            words: the stat that counts words.
        """
        self._field = field
        self._words = words
        self._rows: dict[str, int] = {}
        self._sums: dict[str, dict[str, float]] = {}
        self._unknown = 0

    def add(self, values: pa.Array | None, columns: dict[str, Floats], rows: int) -> None:
        """
        Args:
            values: the field of each row as raw JSON; None where it is not known.
            rows: of the partition.
        """
        if values is None or self._words not in columns or len(values) != len(columns[self._words]):
            self._unknown += rows
            return
        coded = values.dictionary_encode(null_encoding="encode")
        codes = coded.indices.to_numpy()
        names = [_shown(raw) for raw in coded.dictionary.to_pylist()]
        counts = np.bincount(codes, minlength=len(names))
        sums = {
            stat: np.bincount(codes, weights=np.nan_to_num(column), minlength=len(names))
            for stat, column in columns.items()
        }
        for number, name in enumerate(names):
            group = name if name in self._rows or len(self._rows) < GROUPS_MAX else OTHERS
            self._rows[group] = self._rows.get(group, 0) + int(counts[number])
            group_sums = self._sums.setdefault(group, {})
            for stat, each in sums.items():
                group_sums[stat] = group_sums.get(stat, 0.0) + float(each[number])

    def result(self) -> Groups:
        groups = [
            Group(
                value=value,
                rows=rows,
                words=round(self._sums[value].get(self._words, 0.0)),
                means={stat: total / rows for stat, total in self._sums[value].items()},
            )
            for value, rows in self._rows.items()
            if rows
        ]
        return Groups(
            field=self._field,
            rows=sum(self._rows.values()),
            groups=tuple(sorted(groups, key=lambda group: (-group.words, group.value))),
            rows_unknown=self._unknown,
        )


def numeric_columns(partition: PartitionStats) -> dict[str, Floats]:
    """The stats of all filters that are numbers, of the rows that every filter measured; none where they are not all of the same rows.

    A stat that two filters measure is taken once.
    """
    found: dict[str, Floats] = {}
    rows = None
    for _, stats in sorted(partition.operators.items()):
        if not stats.is_aligned or not stats.is_exact:
            return {}
        rows = stats.rows if rows is None else rows
        if stats.rows != rows:
            return {}
        for name, column in stats.arrays().items():
            if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
                values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
                found.setdefault(name, values)
    return found


def values_of(partition: PartitionStats, fields: Sequence[str]) -> dict[str, pa.Array]:
    """The raw values of fields that a filter measured, shape (rows,)."""
    columns: dict[str, Any] = {}
    for stats in partition.operators.values():
        if stats.is_exact and stats.is_aligned:
            columns |= {name: column for name, column in stats.arrays().items() if name in fields}
    return columns


def _shown(raw: bytes | str | None) -> str:
    value = decode(raw) if isinstance(raw, bytes) else raw
    if value is None:
        return MISSING
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
