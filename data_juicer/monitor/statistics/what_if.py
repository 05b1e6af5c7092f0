"""What other bounds of filters would have kept, from the statistics of a job and without its rows. Pure.

A row that the old bounds dropped was seen by no later operator: what those would do with it is guessed from what they did with the
others, and given with the least and the greatest number that is possible. All else is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from data_juicer.errors import CheckpointError, ConfigError
from data_juicer.kernels.arrays import Mask
from data_juicer.monitor.statistics.bounds import (
    changed_parameters,
    decides_from_stats,
    find_built_in,
    make_built_in,
    parameters_with,
)
from data_juicer.monitor.statistics.gather import LedgerRows, PartitionStats
from data_juicer.monitor.statistics.joining import Shape, ShapeOfOperator, join_partitions
from data_juicer.ops.base import DatasetOperator, Filter, Operator, TextMapper
from data_juicer.ops.bases.range_filter import RangeFilter
from data_juicer.rows.recorded_stats import OperatorStats


class RowRange(msgspec.Struct, frozen=True, kw_only=True):
    """A number of rows: what is likely, and between what it is for certain (of sketches: with 99 % confidence)."""

    low: int
    estimate: int
    high: int

    @property
    def is_exact(self) -> bool:
        return self.low == self.high

    def __add__(self, other: RowRange) -> RowRange:
        return RowRange(
            low=self.low + other.low, estimate=self.estimate + other.estimate, high=self.high + other.high
        )


def exactly(rows: int) -> RowRange:
    return RowRange(low=rows, estimate=rows, high=rows)


class WhatIfOperator(msgspec.Struct, frozen=True, kw_only=True):
    """One operator as it was and as it would be."""

    operator_index: int
    operator_name: str
    is_changed: bool
    rows_in: int
    rows_out: int
    rows_in_then: RowRange
    rows_out_then: RowRange


class Change(msgspec.Struct, frozen=True, kw_only=True):
    operator_index: int
    operator_name: str
    parameter: str
    was: Any
    then: Any


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """The answer; `rows_out` is of the partitions that are through all operators."""

    partitions: int
    """Those of which something is committed."""
    partitions_unfinished: int
    """Those of them that are not through all operators yet."""
    partitions_unknown: int
    """Those without statistics of a changed filter."""
    changes: tuple[Change, ...]
    operators: tuple[WhatIfOperator, ...]
    rows_out: int
    rows_out_then: RowRange
    is_exact: bool
    has_sketches: bool
    """The limits then hold with 99 % confidence for each partition of which a sketch is kept, and not for certain."""
    reasons: tuple[str, ...]
    """Why it is an estimate, a sentence each."""


_WHOLE: Final = "decides about a row from all rows"
_FOREIGN: Final = "is no operator of data_juicer, so that it is not known what it does"


class _Step(msgspec.Struct, frozen=True):
    """An operator as it was, and as it would be where it changes."""

    name: str
    old: Operator | None
    """None: not known to this package."""
    new: Filter | None = None


class _Flow(msgspec.Struct):
    """The rows of one partition on their way through the new recipe."""

    mask: Mask | None
    """Which of the rows that reached the operator in the old run would reach it now; None: it is only known how many."""
    base: RowRange
    """How many of those."""
    extra: RowRange = msgspec.field(default_factory=lambda: exactly(0))
    """Rows that the old run dropped before."""
    is_touched: bool = False
    """Whether anything is other than in the old run."""


def plan_changes(
    entries: Sequence[tuple[str, dict[str, Any]]], changes: Mapping[str, Any]
) -> tuple[list[_Step], tuple[Change, ...]]:
    """The operators of a recipe, those with other bounds changed.

    Args:
        changes: `operator.parameter` -> value.
    Raises: ConfigError: an operator or parameter is unknown, a value does not fit, or it decides more than what is kept.
    """
    then = parameters_with(entries, changes)
    steps, found = [], []
    for index, ((name, was), (_, params)) in enumerate(zip(entries, then, strict=True)):
        old = find_built_in(name, was)
        if params == was:
            steps.append(_Step(name, old))
            continue
        new = make_built_in(name, params)
        changed = changed_parameters(make_built_in(name, was), new)
        if not decides_from_stats(new, changed):
            given = ", ".join(key for key in params if params[key] != was.get(key))
            raise ConfigError(
                f"--{name}.{given}: this decides what {name} computes, not only which rows it keeps; "
                f"nothing that is committed tells what it would be. Run the recipe with it."
            )
        assert isinstance(new, Filter)  # noqa: S101 - `decides_from_stats` is true of filters alone
        steps.append(_Step(name, old, new))
        found += [
            Change(operator_index=index, operator_name=name, parameter=key, was=was.get(key), then=value)
            for key, value in params.items()
            if value != was.get(key)
        ]
    return steps, tuple(found)


def answer(
    entries: Sequence[tuple[str, dict[str, Any]]],
    changes: Mapping[str, Any],
    partitions: Iterable[PartitionStats],
) -> WhatIf:
    """What the committed partitions would have come to. Raises: ConfigError, see `plan_changes`."""
    steps, found = plan_changes(entries, changes)
    sums = [_Sum() for _ in steps]
    reasons: dict[str, None] = {}
    count = unknown = unfinished = rows_out = 0
    is_touched = has_sketches = False
    rows_then = exactly(0)
    changed_first = next((index for index, step in enumerate(steps) if step.new is not None), len(steps))
    for partition in join_partitions(partitions, _shape_of(steps, changed_first)):
        count += partition.count
        by_index = {ledger.index: ledger for ledger in partition.ledgers}
        flow = _Flow(mask=None, base=exactly(partition.ledgers[0].rows_out if partition.ledgers else 0))
        is_unknown = False
        for index, step in enumerate(steps):
            ledger = by_index.get(index)
            if ledger is None:
                break
            before = flow.base + flow.extra
            if index >= changed_first:
                stats = partition.operators.get(index)
                is_unknown |= step.new is not None and stats is None
                has_sketches |= step.new is not None and stats is not None and not stats.is_exact
                flow = _through(step, ledger, stats, flow, reasons)
            else:
                flow = _Flow(mask=None, base=exactly(ledger.rows_out))
            sums[index].add(ledger, before, flow.base + flow.extra)
        is_touched |= flow.is_touched
        if partition.ledgers and partition.ledgers[-1].index == len(steps) - 1:
            rows_out += partition.ledgers[-1].rows_out
            rows_then += flow.base + flow.extra
        else:
            unfinished += partition.count
        unknown += partition.count if is_unknown else 0
    if unknown:
        reasons[
            f"{unknown:,} of {count:,} partitions {'has' if unknown == 1 else 'have'} no statistics of a changed filter: "
            "an earlier version processed them, or their file is damaged"
        ] = None
    if not is_touched:  # no row of any partition is kept or dropped that was not before
        rows_then = exactly(rows_out)
        for each in sums:
            each.rows_in_then, each.rows_out_then = exactly(each.rows_in), exactly(each.rows_out)
    operators = tuple(
        each.as_operator(index, step.name, is_changed=step.new is not None)
        for index, (step, each) in enumerate(zip(steps, sums, strict=True))
    )
    return WhatIf(
        partitions=count,
        partitions_unfinished=unfinished,
        partitions_unknown=unknown,
        changes=found,
        operators=operators,
        rows_out=rows_out,
        rows_out_then=rows_then,
        is_exact=rows_then.is_exact,
        has_sketches=has_sketches,
        reasons=()
        if rows_then.is_exact and all(each.rows_out_then.is_exact for each in operators)
        else tuple(reasons),
    )


def _shape_of(steps: Sequence[_Step], changed_first: int) -> ShapeOfOperator:
    """What has to be the same of partitions that are answered as one: which rows an operator kept is either known of all of them or
    guessed of all of them. Where it is guessed of a partition alone, that partition is answered alone, so that no other becomes a guess.
    """
    guessed = {
        index for index, step in enumerate(steps) if step.old is None or isinstance(step.old, DatasetOperator)
    }

    def shape(ledger: LedgerRows, stats: OperatorStats | None) -> Shape | None:
        if ledger.index < changed_first or ledger.index in guessed:
            return ()
        if stats is None:
            return (ledger.rows_in == 0,) if _is_one_to_one(ledger) else None
        is_known = stats.is_aligned and stats.rows == ledger.rows_in and stats.rows_kept == ledger.rows_out
        return (ledger.rows_in == 0,) if is_known else None

    return shape


class _Sum:
    """One operator over all partitions."""

    def __init__(self) -> None:
        self.rows_in = self.rows_out = 0
        self.rows_in_then = self.rows_out_then = exactly(0)

    def add(self, ledger: LedgerRows, before: RowRange, after: RowRange) -> None:
        self.rows_in += ledger.rows_in
        self.rows_out += ledger.rows_out
        self.rows_in_then += before
        self.rows_out_then += after

    def as_operator(self, index: int, name: str, *, is_changed: bool) -> WhatIfOperator:
        return WhatIfOperator(
            operator_index=index,
            operator_name=name,
            is_changed=is_changed,
            rows_in=self.rows_in,
            rows_out=self.rows_out,
            rows_in_then=self.rows_in_then,
            rows_out_then=self.rows_out_then,
        )


def _through(
    step: _Step, ledger: LedgerRows, stats: OperatorStats | None, flow: _Flow, reasons: dict[str, None]
) -> _Flow:
    """The rows after one operator."""
    if step.new is not None:
        return _through_changed(step, step.new, ledger, stats, flow, reasons)
    if step.old is None or isinstance(
        step.old, DatasetOperator
    ):  # an operator of the user's may be one as well
        reasons[f"{step.name} comes later and {_WHOLE if step.old else _FOREIGN}"] = None
        return _guessed(ledger, flow)
    if not flow.is_touched and flow.base.is_exact:
        return _Flow(mask=None, base=exactly(ledger.rows_out))
    if isinstance(step.old, TextMapper) and _is_one_to_one(ledger):
        return flow
    mask = flow.mask
    extra = _share(flow.extra, ledger)
    if flow.extra.high:
        reasons[f"{step.name} comes later and has not seen the rows that are kept now"] = None
    if mask is not None and ledger.rows_out == ledger.rows_in and _is_one_to_one(ledger):
        return _Flow(mask=mask, base=flow.base, extra=extra, is_touched=True)
    kept = _kept(step.old, ledger, stats)
    if mask is None or kept is None:
        if mask is not None:
            reasons[f"which rows {step.name} dropped, made or failed on is not recorded row by row"] = None
        return _guessed(ledger, flow)
    after = mask[kept]
    return _Flow(mask=after, base=exactly(int(after.sum())), extra=extra, is_touched=True)


def _through_changed(
    step: _Step,
    new: Filter,
    ledger: LedgerRows,
    stats: OperatorStats | None,
    flow: _Flow,
    reasons: dict[str, None],
) -> _Flow:
    if ledger.rows_in == 0:
        extra = RowRange(low=0, estimate=flow.extra.estimate, high=flow.extra.high)
        if extra.high:
            reasons[f"{step.name} comes later and has not seen the rows that are kept now"] = None
        return _Flow(mask=np.ones(0, np.bool_), base=exactly(0), extra=extra, is_touched=flow.is_touched)
    arrays = _arrays(stats)
    kept_old = _kept(step.old, ledger, stats, needs_all=False)
    if (
        stats is not None
        and not stats.is_exact
        and isinstance(new, RangeFilter)
        and isinstance(step.old, RangeFilter)
    ):
        reasons[
            f"of {step.name} there are sketches: partitions are larger than those of which all values are kept"
        ] = None
        return _through_sketch(step.old, new, ledger, stats, flow)
    mask = flow.mask
    if mask is None and flow.base == exactly(ledger.rows_in) and not flow.is_touched and stats is not None:
        mask = np.ones(stats.rows, np.bool_)
    if arrays is None or kept_old is None or mask is None or len(mask) != len(kept_old):
        if arrays is not None:
            reasons[f"which of the rows that {step.name} saw would still reach it is not certain"] = None
        base = RowRange(
            low=0,
            estimate=flow.base.estimate * ledger.rows_out // max(1, ledger.rows_in),
            high=flow.base.high,
        )
        extra = RowRange(low=0, estimate=0, high=flow.extra.high + ledger.rows_in - ledger.rows_out)
        return _Flow(mask=None, base=base, extra=extra, is_touched=True)
    kept_new = new.keep(arrays)
    reach = mask & kept_new
    newly = int((reach & ~kept_old).sum())
    after = reach[kept_old]
    extra = exactly(newly)
    if flow.extra.high:
        passed = round(flow.extra.estimate * int(reach.sum()) / max(1, int(mask.sum())))
        extra += RowRange(low=0, estimate=passed, high=flow.extra.high)
        reasons[f"{step.name} comes later and has not seen the rows that are kept now"] = None
    is_touched = flow.is_touched or bool((kept_new != kept_old).any())
    return _Flow(mask=after, base=exactly(int(after.sum())), extra=extra, is_touched=is_touched)


def _through_sketch(
    old: RangeFilter, new: RangeFilter, ledger: LedgerRows, stats: OperatorStats, flow: _Flow
) -> _Flow:
    """Counts from a sketch: how many of the rows are within both bounds, and how many within the new ones alone."""
    sketch = stats.sketches().get(new.stats_key)
    if sketch is None or old.reversed_range or new.reversed_range:
        anything = RowRange(low=0, estimate=ledger.rows_out, high=ledger.rows_in + flow.extra.high)
        return _Flow(mask=None, base=anything, is_touched=True)
    low = max((bound for bound in (old.low, new.low) if bound is not None), default=None)
    high = min((bound for bound in (old.high, new.high) if bound is not None), default=None)
    both, all_new = _between(sketch, low, high, old), _between(sketch, new.low, new.high, new)
    share = flow.base.estimate / max(1, ledger.rows_in)
    base = RowRange(
        low=max(0, both.low - (ledger.rows_in - flow.base.low)),
        estimate=round(both.estimate * share),
        high=min(both.high, flow.base.high, ledger.rows_out),
    )
    extra = RowRange(
        low=0,
        estimate=round(max(0, all_new.estimate - both.estimate) * share + flow.extra.estimate * share),
        high=max(0, all_new.high - both.low) + flow.extra.high,
    )
    return _Flow(mask=None, base=base, extra=extra, is_touched=True)


def _between(sketch: Any, low: float | None, high: float | None, bounded: RangeFilter) -> RowRange:
    """How many numbers of a sketch a range keeps."""
    if sketch.is_empty():
        return exactly(0)
    error = sketch.normalized_rank_error(True) if sketch.is_estimation_mode() else 0.0
    below = 0.0 if low is None else sketch.get_rank(low, not bounded.min_closed_interval)
    upto = 1.0 if high is None else sketch.get_rank(high, bounded.max_closed_interval)
    share = max(0.0, upto - below)
    return RowRange(
        low=int(max(0.0, share - error) * sketch.n),
        estimate=round(share * sketch.n),
        high=int(np.ceil(min(1.0, share + error) * sketch.n)),
    )


def _arrays(stats: OperatorStats | None) -> dict[str, Any] | None:
    """The stats of each row; None where not all are kept."""
    if stats is None or not stats.columns or not stats.is_exact:
        return None
    try:
        return stats.arrays()
    except CheckpointError:
        return None


def _kept(
    operator: Operator | None, ledger: LedgerRows, stats: OperatorStats | None, *, needs_all: bool = True
) -> Mask | None:
    """Which of the rows that reached a filter it kept, shape (rows,), as far as that is certain.

    Args:
        needs_all: whether rows that it failed on make it uncertain which rows those are.
    """
    arrays = _arrays(stats)
    if stats is None or arrays is None or not isinstance(operator, Filter):
        return None
    if needs_all and (not stats.is_aligned or stats.rows != ledger.rows_in):
        return None
    try:
        kept = operator.keep(arrays)
    except (KeyError, ValueError, TypeError):  # stats of another version of the filter
        return None
    return kept if int(kept.sum()) == stats.rows_kept == ledger.rows_out else None


def _is_one_to_one(ledger: LedgerRows) -> bool:
    return ledger.rows_in == ledger.rows_out and not (ledger.rows_generated or ledger.rows_dead_letter)


def _share(extra: RowRange, ledger: LedgerRows) -> RowRange:
    """What is likely to become of rows that the operator has not seen: what became of the others."""
    if not extra.high:
        return extra
    passed = round(extra.estimate * ledger.rows_out / max(1, ledger.rows_in))
    return RowRange(low=0, estimate=passed, high=max(extra.high, passed))


def _guessed(ledger: LedgerRows, flow: _Flow) -> _Flow:
    """After an operator of which it is not known which rows it let through."""
    reached = flow.base.estimate + flow.extra.estimate
    base = RowRange(
        low=0,
        estimate=round(reached * ledger.rows_out / max(1, ledger.rows_in)),
        high=flow.base.high + flow.extra.high + ledger.rows_generated,
    )
    return _Flow(mask=None, base=base, is_touched=flow.is_touched)
