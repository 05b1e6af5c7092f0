"""What other bounds of filters would have kept, from the statistics of a job and without its rows. Pure.

Which rows of a partition would pass each operator is found in `row_flow.py`; this is the sum of all partitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from data_juicer.errors import ConfigError
from data_juicer.monitor.statistics.bounds import (
    changed_parameters,
    decides_from_stats,
    find_built_in,
    make_built_in,
    parameters_with,
)
from data_juicer.monitor.statistics.gather import LedgerRows, PartitionStats
from data_juicer.monitor.statistics.joining import ShapeOfOperator, join_partitions
from data_juicer.monitor.statistics.row_flow import (
    RowFlow,
    RowRange,
    Step,
    exactly,
    flow_through,
    is_one_to_one,
)
from data_juicer.ops.base import DatasetOperator, Filter
from data_juicer.rows.joined_stats import Shape
from data_juicer.rows.recorded_stats import OperatorStats


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


def plan_changes(
    entries: Sequence[tuple[str, dict[str, Any]]], changes: Mapping[str, Any]
) -> tuple[list[Step], tuple[Change, ...]]:
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
            steps.append(Step(name, old))
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
        steps.append(Step(name, old, new))
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
        flow = RowFlow(mask=None, base=exactly(partition.ledgers[0].rows_out if partition.ledgers else 0))
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
                flow = flow_through(step, ledger, stats, flow, reasons)
            else:
                flow = RowFlow(mask=None, base=exactly(ledger.rows_out))
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


def _shape_of(steps: Sequence[Step], changed_first: int) -> ShapeOfOperator:
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
            return (ledger.rows_in == 0,) if is_one_to_one(ledger) else None
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
