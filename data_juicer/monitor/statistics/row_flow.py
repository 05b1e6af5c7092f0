"""The rows of one partition on their way through a recipe with other bounds, from what the job recorded of it. Pure.

A row that the old bounds dropped was seen by no later operator: what those would do with it is guessed from what they did with the
others, and given with the least and the greatest number that is possible. All else is counted.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np

from data_juicer.errors import CheckpointError
from data_juicer.kernels.arrays import Mask
from data_juicer.monitor.statistics.gather import LedgerRows
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


_WHOLE: Final = "decides about a row from all rows"
_FOREIGN: Final = "is no operator of data_juicer, so that it is not known what it does"


class Step(msgspec.Struct, frozen=True):
    """An operator as it was, and as it would be where it changes."""

    name: str
    old: Operator | None
    """None: not known to this package."""
    new: Filter | None = None


class RowFlow(msgspec.Struct):
    """The rows of one partition on their way through the new recipe."""

    mask: Mask | None
    """Which of the rows that reached the operator in the old run would reach it now; None: it is only known how many."""
    base: RowRange
    """How many of those."""
    extra: RowRange = msgspec.field(default_factory=lambda: exactly(0))
    """Rows that the old run dropped before."""
    is_touched: bool = False
    """Whether anything is other than in the old run."""


def flow_through(
    step: Step, ledger: LedgerRows, stats: OperatorStats | None, flow: RowFlow, reasons: dict[str, None]
) -> RowFlow:
    """The rows after one operator.

    Args:
        ledger, stats: what is recorded of the operator in this partition.
        reasons: is given why the answer is an estimate.
    """
    if step.new is not None:
        return _through_changed(step, step.new, ledger, stats, flow, reasons)
    if step.old is None or isinstance(
        step.old, DatasetOperator
    ):  # an operator of the user's may be one as well
        reasons[f"{step.name} comes later and {_WHOLE if step.old else _FOREIGN}"] = None
        return _guessed(ledger, flow)
    if not flow.is_touched and flow.base.is_exact:
        return RowFlow(mask=None, base=exactly(ledger.rows_out))
    if isinstance(step.old, TextMapper) and is_one_to_one(ledger):
        return flow
    mask = flow.mask
    extra = _share(flow.extra, ledger)
    if flow.extra.high:
        reasons[f"{step.name} comes later and has not seen the rows that are kept now"] = None
    if mask is not None and ledger.rows_out == ledger.rows_in and is_one_to_one(ledger):
        return RowFlow(mask=mask, base=flow.base, extra=extra, is_touched=True)
    kept = _kept(step.old, ledger, stats)
    if mask is None or kept is None:
        if mask is not None:
            reasons[f"which rows {step.name} dropped, made or failed on is not recorded row by row"] = None
        return _guessed(ledger, flow)
    after = mask[kept]
    return RowFlow(mask=after, base=exactly(int(after.sum())), extra=extra, is_touched=True)


def _through_changed(
    step: Step,
    new: Filter,
    ledger: LedgerRows,
    stats: OperatorStats | None,
    flow: RowFlow,
    reasons: dict[str, None],
) -> RowFlow:
    if ledger.rows_in == 0:
        extra = RowRange(low=0, estimate=flow.extra.estimate, high=flow.extra.high)
        if extra.high:
            reasons[f"{step.name} comes later and has not seen the rows that are kept now"] = None
        return RowFlow(mask=np.ones(0, np.bool_), base=exactly(0), extra=extra, is_touched=flow.is_touched)
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
        return RowFlow(mask=None, base=base, extra=extra, is_touched=True)
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
    return RowFlow(mask=after, base=exactly(int(after.sum())), extra=extra, is_touched=is_touched)


def _through_sketch(
    old: RangeFilter, new: RangeFilter, ledger: LedgerRows, stats: OperatorStats, flow: RowFlow
) -> RowFlow:
    """Counts from a sketch: how many of the rows are within both bounds, and how many within the new ones alone."""
    sketch = stats.sketches().get(new.stats_key)
    if sketch is None or old.reversed_range or new.reversed_range:
        anything = RowRange(low=0, estimate=ledger.rows_out, high=ledger.rows_in + flow.extra.high)
        return RowFlow(mask=None, base=anything, is_touched=True)
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
    return RowFlow(mask=None, base=base, extra=extra, is_touched=True)


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


def is_one_to_one(ledger: LedgerRows) -> bool:
    return ledger.rows_in == ledger.rows_out and not (ledger.rows_generated or ledger.rows_dead_letter)


def _share(extra: RowRange, ledger: LedgerRows) -> RowRange:
    """What is likely to become of rows that the operator has not seen: what became of the others."""
    if not extra.high:
        return extra
    passed = round(extra.estimate * ledger.rows_out / max(1, ledger.rows_in))
    return RowRange(low=0, estimate=passed, high=max(extra.high, passed))


def _guessed(ledger: LedgerRows, flow: RowFlow) -> RowFlow:
    """After an operator of which it is not known which rows it let through."""
    reached = flow.base.estimate + flow.extra.estimate
    base = RowRange(
        low=0,
        estimate=round(reached * ledger.rows_out / max(1, ledger.rows_in)),
        high=flow.base.high + flow.extra.high + ledger.rows_generated,
    )
    return RowFlow(mask=None, base=base, is_touched=flow.is_touched)
