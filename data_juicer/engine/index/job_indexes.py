"""What one run does with the indexes that its recipe names: known rows before a resolve, kept rows after it, a version at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, cast

from data_juicer.clock import Clock
from data_juicer.engine.index.uses import IndexingJob, IndexUse
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.phases import ResolveStep
from data_juicer.store.decisions import Decision, IndexedRows
from data_juicer.store.manifest import Manifest
from data_juicer.store.resolve.known_tables import NONE_KNOWN, KnownTables
from data_juicer.store.summaries import SummaryFiles

if TYPE_CHECKING:
    from data_juicer.ops.base import DatasetOperator
    from data_juicer.ops.dataset.pairs.remover import PairRemover


class JobIndexes(IndexingJob, frozen=True, kw_only=True):
    clock: Clock
    uses: Sequence[IndexUse]
    """Of the deduplicators that name an index."""
    memory_bytes: int
    """Of a resolve."""
    inform: Callable[[str], None]
    warn: Callable[[str], None]

    def known_rows(self, index: int, operator: DatasetOperator, manifests: Sequence[Manifest]) -> KnownTables:
        """The rows of indexes that come before those of the job in the resolve of operator `index`.

        Args:
            manifests: of the summaries of the job.
        Raises: DamagedSummaryError, StoreError.
        """
        use = self._use(index)
        if use is None:
            return NONE_KNOWN
        from data_juicer.engine.index.known_rows import stage_known_rows

        known, found = stage_known_rows(
            self,
            use,
            cast("PairRemover", operator),
            SummaryFiles(self.store, self.layout.checkpoints_dir, manifests, self.heartbeat),
            self.memory_bytes,
        )
        versions = ", ".join(f"{pin.path} version {pin.version}" for pin in use.against if pin.version)
        if versions:
            self.inform(
                f"{use.operator_name}: compared with {found.rows:,} rows of {versions}; "
                f"{found.rows_used:,} of them share a key with a row of this job, or seem to"
            )
        return known

    def stage(
        self,
        index: int,
        operator: DatasetOperator,
        summaries: SummaryFiles,
        decisions: Sequence[Decision],
        partitions: Sequence[PartitionSpec],
    ) -> IndexedRows | None:
        """What the resolve of operator `index` leaves for an index. Raises: DamagedSummaryError, StoreError."""
        use = self._use(index)
        if use is None:
            return None
        from data_juicer.engine.index.additions import stage_kept_rows

        return stage_kept_rows(self, use, cast("PairRemover", operator), summaries, decisions, partitions)

    def find_missing(self, steps: Sequence[ResolveStep]) -> Iterator[ResolveStep]:
        """Steps whose decisions have to be made, or made again, since they left nothing for an index which the recipe adds to.

        Raises: StoreError, CheckpointError.
        """
        from data_juicer.engine.index.additions import is_added

        for use in self.uses:
            step = _step(steps, use)
            staged = step.resolve.indexed if step.resolve is not None else None
            if use.target is None or (staged is not None and staged.path == use.target):
                continue
            if not is_added(self, use, step.key):
                yield step

    def commit(self, steps: Sequence[ResolveStep]) -> None:
        """Add what was staged to the indexes that the recipe names, once each. Raises: StoreError."""
        from data_juicer.engine.index.additions import commit_kept_rows

        for use in self.uses:
            resolve = _step(steps, use).resolve
            if use.target is None or resolve is None or resolve.indexed is None:
                continue
            version, others = commit_kept_rows(self, use, resolve, self.clock)
            self.inform(
                f"index {use.target}: version {version.version} has {resolve.indexed.rows:,} rows of this job, "
                f"{version.rows:,} of {len(version.additions):,} jobs in all"
            )
            if others:
                self.warn(
                    f"index {use.target}: {', '.join(others)} added rows while this job ran, which it was not compared with; "
                    "rows that both have are in both results"
                )

    def _use(self, index: int) -> IndexUse | None:
        return next((use for use in self.uses if use.operator_index == index), None)


def _step(steps: Sequence[ResolveStep], use: IndexUse) -> ResolveStep:
    return next(step for step in steps if step.operator_index == use.operator_index)
