"""Resolves: from the committed summaries to decisions about every row.

There is one at a time, no partition is to blame when it fails, and its memory is a setting of its own. A small one is done by the
driver's process, in small steps, between which the lock is renewed and the run may be stopped; killed, it begins again from the
summaries, which are committed. A large one is shared out, if its operator can do so to the workers (`resolve_shards.py`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

import msgspec

from data_juicer.clock import Clock, format_utc
from data_juicer.engine.driver.committer import Committer
from data_juicer.engine.driver.event_recorder import EventRecorder
from data_juicer.engine.driver.resolve_shards import (
    Execute,
    ShardedResolve,
    drop_shards,
    is_shared,
)
from data_juicer.engine.index.job_indexes import JobIndexes
from data_juicer.engine.output.dedup_report import write_dedup_report
from data_juicer.engine.output.group_report import write_group_report
from data_juicer.engine.run_context import RunContext
from data_juicer.errors import OperatorError, StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.ops.base import DatasetOperator, Operator
from data_juicer.ops.context import OperatorContext, prepare_operator
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.phases import ResolveStep
from data_juicer.plan.tasks import Phase
from data_juicer.storage.base import Store
from data_juicer.storage.os_errors import translate_os_errors
from data_juicer.store.decisions import DeadRows, Decision, ResolveManifest, stage_decisions
from data_juicer.store.manifest import Manifest
from data_juicer.store.resolve.known_tables import KnownTables
from data_juicer.store.resolve.row_locations import with_member_locations, with_source_rows
from data_juicer.store.summaries import DamagedSummaryError, SummaryFiles

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.ops.dataset.scratch import Scratch

_MB = 1_000_000


class Resolves(msgspec.Struct, kw_only=True):
    """All dataset operators of one run: what is decided, and what decisions are made of."""

    store: Store
    clock: Clock
    layout: JobLayout
    run: int
    operators: Sequence[Operator]
    partitions: Sequence[PartitionSpec]
    steps: Sequence[ResolveStep]
    """Of each dataset operator, in the order of the recipe."""
    committer: Committer
    recorder: EventRecorder
    memory_mb: int
    context: RunContext
    indexes: JobIndexes
    execute: Execute | None = None
    """Has the shards of a large resolve executed by the workers; None: each resolve is done in one piece."""
    shard_memory_bytes: int = 0
    """Of each of these."""
    _by_partition: dict[int, Mapping[int, Decision]] = msgspec.field(default_factory=dict)

    def phases(self, pending: Sequence[int], rows_dead_done: int) -> tuple[Phase, ...]:
        """How partitions are brought to their results, past every dataset operator that is not resolved yet.

        Args:
            pending: partitions without a result, in the order of the input.
            rows_dead_done: dead letters of those with one.
        """
        before = [
            Phase(
                until=step.operator_index,
                is_resolved=True,
                partitions=[
                    spec.partition_id for spec in self.partitions if spec.partition_id not in step.summaries
                ],
                rows_dead_before=sum(map(dead_rows, step.summaries.values())),
            )
            for step in self.steps
            if step.resolve is None
        ]
        last = Phase(until=len(self.operators), partitions=pending, rows_dead_before=rows_dead_done)
        return (*before, last)

    def add(self, committed: Manifest | ResolveManifest) -> None:
        """Take in what was committed: a summary, or decisions."""
        step = next((it for it in self.steps if it.operator_index == committed.operator_index), None)
        if step is None:
            return
        if isinstance(committed, ResolveManifest):
            step.resolve = committed
            with contextlib.suppress(StoreError):  # what stays is swept when the run ends, or reported then
                drop_shards(self.store, self.layout, committed.operator_index)
        elif committed.kind == "summary":
            step.summaries[committed.partition] = committed

    def decisions(self, partition_id: int) -> dict[int, Decision]:
        """The decisions about one partition that there are so far, by operator."""
        found = {}
        for step in self.steps:
            index, resolve = step.operator_index, step.resolve
            if resolve is None:
                break
            if index not in self._by_partition:
                self._by_partition[index] = {each.partition: each for each in resolve.decisions}
            found[index] = self._by_partition[index][partition_id]
        return found

    def report(self) -> list[str]:
        """Tell people which rows were removed in favour of which, and which were made one. Returns the files written.

        Nothing is reported if decisions of some operator are not there any more.
        """
        resolves = [step.resolve for step in self.steps if step.resolve is not None]
        if not resolves or len(resolves) < len(self.steps):
            return []
        write_dedup_report(self.store, self.layout, self.partitions, resolves)
        has_groups = write_group_report(self.store, self.layout, self.partitions, resolves)
        return [self.layout.dedup_report, *([self.layout.group_report] if has_groups else [])]

    def resolve(self, operator_index: int) -> ResolveManifest:
        """Decide about every row, from the summaries of all partitions; the decisions are staged.

        Raises: DamagedSummaryError: it was set aside, and has to be made again. JobStoppedError, StoreError, OperatorError.
        """
        step = next(it for it in self.steps if it.operator_index == operator_index)
        index, started_s = operator_index, self.clock.monotonic_s()
        operator = cast("DatasetOperator", self.operators[index])
        manifests = [step.summaries[spec.partition_id] for spec in self.partitions]
        try:
            known = self.indexes.known_rows(index, operator, manifests)
            summaries = SummaryFiles(
                self.store,
                self.layout.checkpoints_dir,
                manifests,
                self.context.heartbeat_or_stop,
                known=known,
            )
            if self.execute is not None and is_shared(operator, sum(summaries.rows)):
                decisions = self._in_shards(operator, step, manifests, known)
            else:
                decisions = self._in_one_piece(operator, index, summaries)
            indexed = self.indexes.stage(index, operator, summaries, decisions, self.partitions)
        except DamagedSummaryError as error:
            self._set_aside(step, error)
            raise
        duration_s = self.clock.monotonic_s() - started_s
        rows = sum(manifest.rows for manifest in manifests)
        removed = sum(decision.rows_removed for decision in decisions)
        became = "all of them went into groups" if operator.collects_rows else f"{removed:,} are removed"
        self.recorder.resolved(
            index,
            f"{operator.name}: {rows:,} rows of {len(manifests):,} partitions compared in "
            f"{duration_s:.1f} s; {became}",
        )
        return ResolveManifest(
            job=self.layout.job_id,
            operator_index=index,
            operator_name=operator.name,
            key=step.key,
            collects_rows=operator.collects_rows,
            file=decisions[-1].file,
            size_bytes=decisions[-1].byte_stop,
            decisions=tuple(_with_costs(decisions, summaries, duration_s)),
            indexed=indexed,
            run=self.run,
            created=format_utc(self.clock.now()),
        )

    def find_missing_for_indexes(self) -> bool:
        """Forget decisions that left nothing for an index which the recipe adds to by now.

        Returns: whether some have to be made although no partition may need them. Raises: StoreError, CheckpointError.
        """
        missing = list(self.indexes.find_missing(self.steps))
        for step in missing:
            if step.resolve is not None:
                self.committer.set_aside([self.layout.resolve_manifest(step.operator_index)])
                step.resolve = None
        return bool(missing)

    def _in_one_piece(self, operator: DatasetOperator, index: int, summaries: SummaryFiles) -> list[Decision]:
        """By this process. Raises: DamagedSummaryError, JobStoppedError, StoreError, OperatorError."""
        from data_juicer.ops.dataset.scratch import Scratch

        scratch = Scratch(self.layout.temp_dir, self.memory_mb * _MB, self.context.heartbeat_or_stop)
        try:
            prepare_operator(operator, OperatorContext(store=self.store))
            tables = self._translated(self._checked(operator, summaries, scratch))
            return stage_decisions(self.store, self.layout.decisions(index, self.run), tables)
        finally:
            scratch.close()

    def _in_shards(
        self,
        operator: DatasetOperator,
        step: ResolveStep,
        manifests: Sequence[Manifest],
        known: KnownTables,
    ) -> list[Decision]:
        """By the workers. Raises: as `_in_one_piece`, and JobFailedError: a shard is out of retries."""
        return ShardedResolve(
            store=self.store,
            layout=self.layout,
            clock=self.clock,
            run_number=self.run,
            committer=self.committer,
            execute=cast("Execute", self.execute),
            operator=operator,
            step=step,
            manifests=manifests,
            known=known,
            memory_bytes=self.shard_memory_bytes,
        ).run()

    def _translated(
        self, tables: Iterator[tuple[int, pa.Table, DeadRows]]
    ) -> Iterator[tuple[int, pa.Table, DeadRows]]:
        """Raises: StoreError: the disk refuses what a resolve cannot hold in memory."""
        with translate_os_errors("writing", self.layout.temp_dir):
            yield from tables

    def _checked(
        self, operator: DatasetOperator, summaries: SummaryFiles, scratch: Scratch
    ) -> Iterator[tuple[int, pa.Table, DeadRows]]:
        """Partition, decisions and rows that could not be summarised, in the order of the input."""
        placed = with_member_locations if operator.collects_rows else with_source_rows
        tables, rows_decided = placed(operator.resolve(summaries, scratch), summaries, scratch), 0
        for number, (spec, table) in enumerate(zip(self.partitions, tables, strict=True)):
            rows = summaries.rows[summaries.known + number]
            if not operator.collects_rows and table.num_rows != rows:
                raise OperatorError(
                    f"{operator.name}: {table.num_rows} decisions for the {rows} rows of partition "
                    f"{spec.partition_id}; there must be one for each."
                )
            rows_decided += table.num_rows
            yield spec.partition_id, table, summaries.dead(number)
        rows = sum(summaries.rows[summaries.known :])
        if rows_decided != rows:
            raise OperatorError(
                f"{operator.name}: {rows_decided} decisions for {rows} rows; there must be one for each."
            )

    def _set_aside(self, step: ResolveStep, error: DamagedSummaryError) -> None:
        partition_id = error.partition_id
        self.recorder.warn(f"a summary is damaged and was set aside: {error}", partition_id)
        self.committer.set_aside([self.layout.summary_manifest(partition_id, step.operator_index)])
        del step.summaries[partition_id]


def dead_rows(manifest: Manifest) -> int:
    """Dead letters of a partition up to where it is committed."""
    return sum(ledger.rows_dead_letter for ledger in manifest.ledgers)


def _with_costs(
    decisions: Sequence[Decision], summaries: SummaryFiles, resolve_s: float
) -> Iterator[Decision]:
    """The decisions with the seconds of all that led to them; those of the resolve are shared by rows."""
    rows = summaries.rows[summaries.known :]
    row_s = resolve_s / max(1, sum(rows))
    for number, decision in enumerate(decisions):
        yield msgspec.structs.replace(
            decision,
            duration_s=summaries.seconds(number) + row_s * rows[number],
            text_bytes=summaries.text_bytes(number),
            lost_rows=summaries.lost_rows(number),
        )
