"""Where a stage ends: after which operators a checkpoint is committed. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Literal

import msgspec

Strategy = Literal["every_op", "every_partition", "every_n_ops", "manual", "auto", "disabled"]


class SaveRule(msgspec.Struct, frozen=True, kw_only=True):
    """When a checkpoint pays, for one attempt of a partition: what the strategy `auto` asks after each operator."""

    failure_s: float
    """Mean time between failures of one worker, in seconds, more than 0."""
    overhead_max: float
    """Share of the work of the partition that saving it may cost."""
    save_s: tuple[float, ...]
    """Seconds that saving after each operator takes, as far as is known."""
    work_s: tuple[float | None, ...]
    """Seconds of each operator over a partition; None where none has passed it yet."""
    always: frozenset[int] = frozenset()
    """Operators whose rows cost something outside: what they answered is saved, whatever that takes."""
    overspent_s: float = 0.0
    """Seconds that earlier partitions spent beyond their share."""

    def pays(self, index: int, until: int, *, unsaved_s: float, worked_s: float, spent_s: float) -> bool:
        """Whether to save after operator `index` of a stage that is saved at its end, before operator `until`, in any case.

        It does where a failure would cost more work than it is worth: the work since the last checkpoint is longer than the
        optimal interval, and splitting the stage here saves more than saving costs. With work w done and l ahead and a failure
        every M seconds, (w + l)^2 / 2M - (w^2 + l^2) / 2M = w l / M of work is lost less.

        Args:
            unsaved_s: work of this attempt since its last checkpoint.
            worked_s: all work of this attempt.
            spent_s: what its checkpoints have cost.
        """
        if index in self.always:
            return True
        save_s = self.save_s[index]
        if unsaved_s < optimal_interval_s(save_s, self.failure_s):
            return False
        ahead = self.work_s[index + 1 : until]
        known_s = sum(seconds for seconds in ahead if seconds is not None)
        ahead_s = math.inf if None in ahead else known_s
        if unsaved_s * ahead_s <= save_s * self.failure_s:
            return False
        return spent_s + save_s + self.overspent_s <= self.overhead_max * (worked_s + known_s)


def optimal_interval_s(save_s: float, failure_s: float) -> float:
    """How much work lies between two checkpoints at best, in seconds.

    Args:
        save_s: what one checkpoint costs, in seconds.
        failure_s: mean time between failures, in seconds.
    Source: sqrt(2 save_s failure_s), where save_s / T + T / (2 failure_s) is least: J. W. Young, A first order approximation to the
        optimum checkpoint interval, CACM 17 (9), 1974. Not beyond failure_s where a checkpoint costs half of that or more: J. T. Daly, A
        higher order estimate of the optimum checkpoint interval for restart dumps, FGCS 22 (3), 2006.
    """
    return math.sqrt(2 * save_s * failure_s) if 2 * save_s < failure_s else failure_s


def checkpoint_indices(
    operators: Sequence[str], strategy: Strategy, n_ops: int = 1, op_names: Collection[str] = ()
) -> frozenset[int]:
    """Indices of the operators that a checkpoint follows.

    Args:
        operators: names in the order of the recipe.
        n_ops: for every_n_ops, at least 1: after the n-th operator, the 2n-th and so on.
        op_names: for manual: after every operator with one of these names.
    Returns: what is known beforehand; with auto nothing, since each attempt decides by its `SaveRule`.
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
        case "auto" | "disabled":
            return frozenset()
