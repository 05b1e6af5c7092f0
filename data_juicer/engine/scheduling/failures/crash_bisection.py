"""Which row killed a worker: from losses to a suspect, and from a suspect to the row that is excluded. Pure.

    lost in an operator          ─► the operator is careful from now on: one row at a time, each announced before
    lost at a row there          ─► that row is the suspect: the next attempt begins the operator with it alone
    lost with the suspect alone  ─► the row is blamed: following attempts make it a dead letter of the operator

A row that crashes its worker before the operator was given any other counts as tried alone, so that an operator which crashes
on every row costs one worker start a row until it is found out (`CrashTally`).

Anybody may kill a worker from outside at any moment, so no row is blamed for one loss, nor for two in company; and where
the signal is one that comes from outside (the out-of-memory killer's is), it must happen twice with the suspect alone.
docs/design/0006-lost-workers.md has the reasons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Final

import msgspec
from msgspec.structs import replace

from data_juicer.engine.protocol.messages import ExcludedRow, IsolationPlan, Loss, OperatorRow


class CrashHistory(msgspec.Struct, frozen=True, kw_only=True):
    """What the losses of one partition have taught in this run."""

    losses: int = 0
    careful: frozenset[int] = frozenset()
    """Operators in which a worker was lost more than by chance."""
    suspect: OperatorRow | None = None
    suspect_losses: int = 0
    """Workers lost with the suspect alone that may have been killed from outside."""
    blamed: tuple[ExcludedRow, ...] = ()

    @property
    def isolation_plan(self) -> IsolationPlan:
        """Of the next attempt."""
        return IsolationPlan(row_by_row=self.careful, first=self.suspect, excluded=self.blamed)


def after_loss(
    history: CrashHistory, loss: Loss, operator_index: int | None, reason: str
) -> tuple[CrashHistory, bool]:
    """What is suspected after a worker was lost, and whether that is news.

    News make the next attempt worth its while, so it counts against no limit. There is a bounded amount of them: each
    operator becomes careful once, each row is blamed once, and one suspect is free for each row that is blamed.

    Args:
        operator_index: the operator under way; None while rows were read or saved.
        reason: what a dead letter says of it.
    """
    history = replace(history, losses=history.losses + 1)
    if operator_index is None:
        return history, False
    if operator_index not in history.careful:
        if history.losses == 1 and not loss.from_within:
            return history, False
        return replace(history, careful=history.careful | {operator_index}), True
    if loss.row is None:
        return history, False
    if loss.from_within and loss.rows_before == 0:  # the operator was given nothing else
        return _blame(history, ExcludedRow(row=loss.row, reason=reason)), True
    if loss.alone and loss.row == history.suspect:
        if loss.from_within or history.suspect_losses:
            return _blame(history, ExcludedRow(row=loss.row, reason=reason)), True
        return replace(history, suspect_losses=1), True
    return replace(history, suspect=loss.row, suspect_losses=0), history.suspect is None


ROWS_TRIED_MIN: Final = 5
"""An operator that crashed on so many rows, and passed none, is taken to crash on every row."""


class CrashTally(msgspec.Struct):
    """What became of rows that operators were given one at a time after a crash, over all partitions of a run."""

    works: set[int] = msgspec.field(default_factory=set)
    """Operators that some row has passed."""
    crashed: Counter[int] = msgspec.field(default_factory=Counter)
    """Operator -> rows that were blamed."""
    by_task: Counter[Hashable] = msgspec.field(default_factory=Counter)
    """Task -> rows that were blamed in it and are not committed as dead letters yet."""

    @property
    def rows_blamed(self) -> int:
        """Rows that will become dead letters once their partitions are committed."""
        return self.by_task.total()

    def add(self, task: Hashable, operator_index: int, loss: Loss, *, is_blamed: bool) -> None:
        """Take in a lost worker."""
        if loss.rows_before > 0:
            self.works.add(operator_index)
        if is_blamed:
            self.crashed[operator_index] += 1
            self.by_task[task] += 1

    def forget(self, task: Hashable) -> None:
        """What the task lost is committed."""
        del self.by_task[task]

    def all_crashed(self, operator_index: int) -> int:
        """How many rows the operator was tried on, if it crashed on all of them and they are enough to tell; else 0."""
        tried = self.crashed[operator_index]
        return tried if tried >= ROWS_TRIED_MIN and operator_index not in self.works else 0


def _blame(history: CrashHistory, taken: ExcludedRow) -> CrashHistory:
    """Rows of later operators are counted anew without this one; what was known of them is found again."""
    earlier = (other for other in history.blamed if other.row.operator_index <= taken.row.operator_index)
    return replace(history, suspect=None, suspect_losses=0, blamed=(*earlier, taken))
