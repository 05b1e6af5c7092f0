"""What the filters of a job measured, with their bounds: for `dj-jobs stats`, the report and the page. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa

from data_juicer.errors import CheckpointError
from data_juicer.monitor.statistics.bounds import Bound, bound_of, find_built_in
from data_juicer.monitor.statistics.distribution import Distribution, Histogram, Words
from data_juicer.monitor.statistics.gather import PartitionStats
from data_juicer.monitor.statistics.joining import join_partitions
from data_juicer.rows.recorded_stats import OperatorStats

PERCENTILES: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
WORDS_SHOWN: Final = 20


class Percentile(msgspec.Struct, frozen=True, kw_only=True):
    """The value that `share` of the rows are at or below, and what a bound there would drop."""

    share: float
    value: float
    rows_below: int
    """Rows that it would drop as the least value that is kept."""
    rows_above: int
    """Rows that it would drop as the greatest value that is kept."""


class Word(msgspec.Struct, frozen=True, kw_only=True):
    value: str
    rows: int


class StatReport(msgspec.Struct, frozen=True, kw_only=True):
    """One stat of one filter, over all rows that reached it."""

    name: str
    rows: int
    """Rows with a value, and those without."""
    missing: int
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    percentiles: tuple[Percentile, ...] = ()
    histogram: Histogram | None = None
    rank_error: float = 0.0
    """By which share of the rows percentiles and counts beside them may be wrong, with 99 % confidence; 0: exact."""
    words: tuple[Word, ...] = ()
    """The most frequent values of a stat that is no number."""
    words_distinct: int = 0


class FilterReport(msgspec.Struct, frozen=True, kw_only=True):
    operator_index: int
    operator_name: str
    bound: Bound | None
    rows_in: int
    rows_out: int
    rows_dropped: int
    rows_below: int | None
    """Of those, rows whose stat is below the least value that is kept; None where that is not known."""
    rows_above: int | None
    partitions: int
    partitions_unknown: int
    """Those that were processed without recording statistics; their rows are in no histogram."""
    stats: tuple[StatReport, ...]


class StatsReport(msgspec.Struct, frozen=True, kw_only=True):
    job_id: str
    partitions: int
    """Of which something is committed."""
    filters: tuple[FilterReport, ...]


class StatsFold:
    """Adds the partitions of a job up, one after the other, in bounded memory."""

    def __init__(self, entries: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """
        Args:
            entries: name and parameters of each operator of the recipe.
        """
        self._entries = entries
        self._filters: dict[int, _FilterFold] = {}
        self._partitions = 0

    def add(self, partition: PartitionStats) -> None:
        self._partitions += partition.count
        for index, stats in partition.operators.items():
            if index not in self._filters:
                name, params = (
                    self._entries[index] if 0 <= index < len(self._entries) else (stats.operator_name, {})
                )
                self._filters[index] = _FilterFold(name, params)
            self._filters[index].add(stats, partition.count)
        for ledger in partition.ledgers:
            if (known := self._filters.get(ledger.index)) is not None:
                known.partitions += partition.count
                known.rows_in += ledger.rows_in
                known.rows_out += ledger.rows_out
                known.rows_dropped += ledger.rows_filtered

    def report(self, job_id: str) -> StatsReport:
        return StatsReport(
            job_id=job_id,
            partitions=self._partitions,
            filters=tuple(self._filters[index].report(index) for index in sorted(self._filters)),
        )


def fold_stats(
    job_id: str, entries: Sequence[tuple[str, dict[str, Any]]], partitions: Iterable[PartitionStats]
) -> StatsReport:
    """What all partitions come to."""
    fold = StatsFold(entries)
    for partition in join_partitions(partitions):
        fold.add(partition)
    return fold.report(job_id)


class _FilterFold:
    def __init__(self, name: str, params: Mapping[str, Any]) -> None:
        self.name = name
        self.bound = bound_of(find_built_in(name, params), params)
        self.partitions = self.rows_in = self.rows_out = self.rows_dropped = 0
        self._measured = 0
        self._numbers: dict[str, Distribution] = {}
        self._words: dict[str, Words] = {}

    def add(self, stats: OperatorStats, partitions: int) -> None:
        try:
            arrays, sketches = stats.arrays(), stats.sketches()
        except CheckpointError:
            return  # damaged; counted as unknown
        self._measured += partitions
        for name, column in arrays.items():
            self._add_column(name, column)
        for name, sketch in sketches.items():
            self._numbers.setdefault(name, Distribution()).add_sketch(sketch, stats.rows)

    def _add_column(self, name: str, column: pa.Array) -> None:
        kind = column.type
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            numbers = self._numbers.setdefault(name, Distribution())
            numbers.add(column.drop_null().to_numpy(zero_copy_only=False), column.null_count)
        elif not pa.types.is_nested(kind):
            self._words.setdefault(name, Words()).add(column.to_pylist())

    def report(self, index: int) -> FilterReport:
        below, above = self._outside()
        return FilterReport(
            operator_index=index,
            operator_name=self.name,
            bound=self.bound,
            rows_in=self.rows_in,
            rows_out=self.rows_out,
            rows_dropped=self.rows_dropped,
            rows_below=below,
            rows_above=above,
            partitions=self.partitions,
            partitions_unknown=max(0, self.partitions - self._measured),
            stats=(
                *(_numbers_report(name, each) for name, each in self._numbers.items()),
                *(_words_report(name, each) for name, each in self._words.items()),
            ),
        )

    def _outside(self) -> tuple[int | None, int | None]:
        """Rows below and above the bound."""
        bound = self.bound
        numbers = self._numbers.get(bound.stat) if bound is not None else None
        if bound is None or numbers is None or bound.is_reversed:
            return None, None
        below = 0 if bound.low is None else numbers.count_below(bound.low, inclusive=not bound.is_low_kept)
        upto = (
            numbers.count
            if bound.high is None
            else numbers.count_below(bound.high, inclusive=bound.is_high_kept)
        )
        return below, numbers.count - upto


def _numbers_report(name: str, numbers: Distribution) -> StatReport:
    if not numbers.count:
        return StatReport(name=name, rows=0, missing=numbers.missing)
    values = numbers.percentiles(PERCENTILES)
    return StatReport(
        name=name,
        rows=numbers.count,
        missing=numbers.missing,
        minimum=numbers.minimum,
        maximum=numbers.maximum,
        mean=numbers.mean,
        percentiles=tuple(
            Percentile(
                share=share,
                value=value,
                rows_below=numbers.count_below(value, inclusive=False),
                rows_above=numbers.count - numbers.count_below(value, inclusive=True),
            )
            for share, value in zip(PERCENTILES, values, strict=True)
        ),
        histogram=numbers.histogram(),
        rank_error=numbers.rank_error,
    )


def _words_report(name: str, words: Words) -> StatReport:
    return StatReport(
        name=name,
        rows=words.count,
        missing=words.missing,
        words=tuple(Word(value=value, rows=rows) for value, rows in words.most_common(WORDS_SHOWN)),
        words_distinct=words.distinct,
    )
