"""How many rows may be lost before the job is wrong rather than the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from data_juicer.errors import JobFailedError
from data_juicer.store.manifest import Manifest

ROWS_MIN: Final = 100
"""Of fewer rows nothing can be told."""


@dataclass(slots=True)
class DeadLetterBudget:
    """Counts the rows of partitions as far as they got together: to a dataset-wide operator, or to their results."""

    ratio_max: float
    rows: int = 0
    dead: int = 0
    examples: Callable[[], list[str]] = list
    """Some of those that are committed, a line each."""

    def of(self, committed: Iterable[Manifest]) -> DeadLetterBudget:
        """Another one, with the same bound, of these partitions."""
        other = replace(self, rows=0, dead=0)
        for manifest in committed:
            other.add(manifest)
        return other

    def add(self, committed: Manifest) -> None:
        self.rows += committed.ledgers[0].rows_in
        self.dead += sum(ledger.rows_dead_letter for ledger in committed.ledgers)

    @property
    def is_spent(self) -> bool:
        return self.rows >= ROWS_MIN and self.dead > self.rows * self.ratio_max

    def check(self) -> None:
        """Raises: JobFailedError: too many are dead letters."""
        if self.is_spent:
            raise JobFailedError(
                f"{self.dead:,} of {self.rows:,} rows are dead letters, more than "
                f"fault_tolerance.max_dead_letter_ratio ({self.ratio_max:g}) allows: "
                f"{'; '.join(self.examples())}. What was committed is safe. dj-jobs dead-letters lists them; mend "
                "them, or raise that ratio, and start the job again."
            )
