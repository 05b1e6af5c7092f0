"""What the operators of a recipe cost on the sample, each alone and all together. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec


class OperatorCost(msgspec.Struct, frozen=True, kw_only=True):
    """One operator over rows of the sample."""

    key: str
    """Of the rows after it, as a checkpoint's: what the cost was measured on."""
    name: str
    rows_in: int
    """Rows that it was measured on."""
    rows_out: int
    seconds: float
    """For these rows, without loading models."""
    skipped: str = ""
    """Why it was not run; empty where it was."""


class MemoryCost(msgspec.Struct, frozen=True, kw_only=True):
    """Memory of the process that measured: a worker's in all that matters."""

    base_bytes: int
    """With everything imported and loaded, before the rows."""
    peak_bytes: int
    """The most it ever had."""
    settled_bytes: int
    """After the rows: what allocators keep is what a worker has before its second partition."""
    sample_bytes: int
    """Of its rows, as the input has them."""


class PipelineCost(msgspec.Struct, frozen=True, kw_only=True):
    """All operators together."""

    seconds_per_row: float
    """Of a row of the input, with the rows that filters drop on the way."""
    rows: int
    """That were measured, the fewest of any operator."""
    dearest: str = ""
    """The operator with the largest part."""
    dearest_share: float = 0.0
    skipped: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Operators that were not run -> why."""
    memory: MemoryCost | None = None


def combine(costs: Sequence[OperatorCost], memory: MemoryCost | None) -> PipelineCost | None:
    """The cost of a row of the input through all operators; None where no operator was measured."""
    seconds: dict[str, float] = {}
    reaching, rows = 1.0, []
    for cost in costs:
        if cost.skipped or not cost.rows_in:
            continue
        rows.append(cost.rows_in)
        seconds[cost.name] = seconds.get(cost.name, 0.0) + reaching * cost.seconds / cost.rows_in
        reaching *= cost.rows_out / cost.rows_in
    if not rows:
        return None
    total = sum(seconds.values())
    dearest = max(seconds, key=lambda name: seconds[name])
    return PipelineCost(
        seconds_per_row=total,
        rows=min(rows),
        dearest=dearest,
        dearest_share=seconds[dearest] / total if total else 0.0,
        skipped={cost.name: cost.skipped for cost in costs if cost.skipped},
        memory=memory,
    )
