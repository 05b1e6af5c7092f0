"""What of a job is committed, in partitions and rows: counted from manifests, here and nowhere else. Pure."""

from __future__ import annotations

import msgspec

from data_juicer.plan.resume.results import CommittedResult
from data_juicer.store.manifest import Manifest


class CommittedCounts(msgspec.Struct):
    """Results that count now. One that was set aside is excluded again, and made again it counts once."""

    partitions: int = 0
    rows_in: int = 0
    rows_out: int = 0
    rows_dead: int = 0

    def add(self, result: Manifest | CommittedResult) -> None:
        """A result is committed."""
        self._add(result, 1)

    def remove(self, result: Manifest | CommittedResult) -> None:
        """A result was set aside."""
        self._add(result, -1)

    def _add(self, result: Manifest | CommittedResult, sign: int) -> None:
        self.partitions += sign
        self.rows_in += sign * result.ledgers[0].rows_in
        self.rows_out += sign * result.rows
        self.rows_dead += sign * sum(ledger.rows_dead_letter for ledger in result.ledgers)
