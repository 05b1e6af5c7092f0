"""What a run will take, from a sample of its rows and what it will reuse. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from data_juicer.engine.autoconfig.costs import OperatorCost

SPREAD: Final = 0.5
"""A sample of a thousand rows, one after the other on an idle core, is no better than this: other partitions, other load, saving."""
START_S: Final = 1.0
"""Until the first worker has begun, and from the last result to the export."""


class OperatorEstimate(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    rows: int
    """About how many rows it will be given, those of partitions that are reused aside."""
    seconds: float | None
    """Of one core; None where it was not measured."""
    unmeasured: str = ""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    operators: tuple[OperatorEstimate, ...]
    rows_out: int
    """About how many rows the result will have."""
    low_s: float | None
    """Of the whole run; None where no operator was measured."""
    high_s: float | None
    core_hours: float | None
    """In the middle of the range."""
    result_bytes: int
    """If no row becomes larger."""
    checkpoint_bytes_max: int
    """If every operator that is saved changes every text."""


def estimate(
    names: Sequence[str],
    costs: Sequence[OperatorCost],
    *,
    rows: int,
    row_bytes: float,
    computed: Sequence[float],
    workers: int,
    saved: int,
) -> Estimate:
    """
    Args:
        costs: as many of the operators as were measured, in the order of the recipe.
        rows: about how many the input has.
        computed: for each operator the share of partitions that it has to be applied to.
        saved: how many operators a checkpoint is written after.
    """
    reaching, operators, measured_s = 1.0, [], 0.0
    known = False
    for index, name in enumerate(names):
        cost = costs[index] if index < len(costs) else None
        given = rows * reaching * computed[index]
        is_known = cost is not None and not cost.skipped and cost.rows_in > 0
        seconds = given * cost.seconds / cost.rows_in if cost is not None and is_known else None
        why = (
            ""
            if is_known
            else (cost.skipped if cost is not None and cost.skipped else "no sampled row reached it")
        )
        operators.append(OperatorEstimate(name=name, rows=round(given), seconds=seconds, unmeasured=why))
        if cost is not None and is_known:
            known = True
            measured_s += seconds or 0.0
            reaching *= cost.rows_out / cost.rows_in
    middle_s = measured_s / max(1, workers) + START_S
    left = max(computed, default=1.0)
    return Estimate(
        operators=tuple(operators),
        rows_out=round(rows * reaching),
        low_s=START_S + measured_s / max(1, workers) * (1 - SPREAD) if known else None,
        high_s=START_S + measured_s / max(1, workers) * (1 + SPREAD) * 1.2 if known else None,
        core_hours=max(1, workers) * middle_s / 3600 if known else None,
        result_bytes=math.ceil(rows * reaching * row_bytes),
        checkpoint_bytes_max=math.ceil(rows * row_bytes * saved * left),
    )
