"""What saving and computing again cost in this run, and how often workers are lost: the measure of the strategy `auto`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from data_juicer.plan.policy import SaveRule, optimal_interval_s

FAILURE_S: Final = 4 * 3600.0
"""Between two failures of a worker, as long as none was seen; less than what spot machines usually last."""
SAVE_S: Final = 0.05
"""Of a checkpoint, before one was saved: a few MB that are encoded and synced to a local disk."""


class _Mean(msgspec.Struct):
    total: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        self.total += value
        self.count += 1

    @property
    def value(self) -> float | None:
        return self.total / self.count if self.count else None


class OperatorSaves(msgspec.Struct, frozen=True, kw_only=True):
    """What became of checkpoints after one operator."""

    index: int
    saves: int
    save_s: float
    """Of one; estimated where there was none."""
    work_s: float | None
    """Of the operator over a partition, on average."""
    interval_s: float
    """After so much work a checkpoint pays."""


class SaveCosts:
    def __init__(
        self,
        operators: int,
        overhead_max: float,
        *,
        always: frozenset[int] = frozenset(),
        worked_s_before: float = 0.0,
        failures_before: int = 0,
    ) -> None:
        """
        Args:
            operators: of the recipe.
            always: operators after which is saved in any case.
            worked_s_before: seconds that workers have worked in earlier runs of the job.
            failures_before: workers lost meanwhile.
        """
        self._overhead_max = overhead_max
        self._always = always
        self._work = [_Mean() for _ in range(operators)]
        self._saves = [_Mean() for _ in range(operators)]
        self._worked_s_before = worked_s_before
        self._worked_s = 0.0
        self._spent_s = 0.0
        self.failures = failures_before

    def add_work(self, index: int, seconds: float) -> None:
        """An operator has passed a partition; -1: it was read."""
        self._worked_s += seconds
        if index >= 0:
            self._work[index].add(seconds)

    def add_save(self, index: int, seconds: float) -> None:
        """A checkpoint after an operator is committed."""
        self._spent_s += seconds
        self._saves[index].add(seconds)

    def add_failure(self) -> None:
        """An attempt was lost."""
        self.failures += 1

    @property
    def failure_s(self) -> float:
        """Mean time between failures of one worker."""
        if not self.failures:
            return FAILURE_S
        return min(FAILURE_S, max(1.0, self._worked_s_before + self._worked_s) / self.failures)

    def rule(self) -> SaveRule:
        """For the next attempt."""
        return SaveRule(
            failure_s=self.failure_s,
            overhead_max=self._overhead_max,
            save_s=tuple(map(self._save_s, range(len(self._saves)))),
            work_s=tuple(work.value for work in self._work),
            always=self._always,
            overspent_s=max(0.0, self._spent_s - self._overhead_max * self._worked_s),
        )

    def operators(self) -> list[OperatorSaves]:
        """What is known of each."""
        return [
            OperatorSaves(
                index=index,
                saves=self._saves[index].count,
                save_s=self._save_s(index),
                work_s=work.value,
                interval_s=optimal_interval_s(self._save_s(index), self.failure_s),
            )
            for index, work in enumerate(self._work)
        ]

    def _save_s(self, index: int) -> float:
        """Where none was saved after an operator yet, what it takes after others."""
        own = self._saves[index].value
        if own is not None:
            return own
        count = sum(mean.count for mean in self._saves)
        return sum(mean.total for mean in self._saves) / count if count else SAVE_S


def explain(costs: SaveCosts, names: Sequence[str]) -> list[tuple[OperatorSaves, str]]:
    """For people: each operator, and why a checkpoint follows it or does not.

    Args:
        names: of the operators, in the order of the recipe.
    """
    lines = []
    for each in costs.operators():
        work = "not measured" if each.work_s is None else f"{each.work_s:,.2f} s of work a partition"
        count = f"saved {each.saves:,} {'time' if each.saves == 1 else 'times'}"
        done = f"{count}, {each.save_s:,.3f} s each" if each.saves else "not saved"
        line = (
            f"{names[each.index]}: {done}; {work}; a checkpoint pays after {each.interval_s:,.1f} s of work"
        )
        lines.append((each, line))
    return lines
