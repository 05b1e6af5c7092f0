"""Where a stage ends: after which operators a checkpoint is committed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

Strategy = Literal["every_op", "every_partition", "every_n_ops", "manual", "disabled"]


def checkpoint_indices(
    operators: Sequence[str], strategy: Strategy, n_ops: int = 1, op_names: Collection[str] = ()
) -> frozenset[int]:
    """Indices of the operators that a checkpoint follows.

    Args:
        operators: names in the order of the recipe.
        n_ops: for every_n_ops, at least 1: after the n-th operator, the 2n-th and so on.
        op_names: for manual: after every operator with one of these names.
    """
    last = len(operators) - 1
    match strategy:
        case "every_op":
            return frozenset(range(len(operators)))
        case "every_partition":
            return frozenset({last}) if operators else frozenset()
        case "every_n_ops":
            return frozenset(range(n_ops - 1, len(operators), n_ops))
        case "manual":
            return frozenset(index for index, name in enumerate(operators) if name in op_names)
        case "disabled":
            return frozenset()
