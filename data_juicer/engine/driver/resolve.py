"""Dataset-wide operators as the driver runs them: summaries gathered, resolved, decisions committed.

A resolve runs in the driver: it is the same on every backend, there is one of it at a time, no partition is to blame when it
fails, and its memory is a setting of its own. It works in small steps, between which the driver renews its lock and may
be stopped. Killed, it begins again from the summaries, which are committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import msgspec

from data_juicer.clock import Clock, format_utc
from data_juicer.engine.driver.committer import Committer
from data_juicer.engine.driver.dead_letter_budget import DeadLetterBudget
from data_juicer.engine.driver.event_recorder import EventRecorder
from data_juicer.engine.driver.row_locations import with_member_places, with_source_rows
from data_juicer.engine.output.dedup_report import write_dedup_report
from data_juicer.engine.output.group_report import write_group_report
from data_juicer.engine.run_context import RunContext
from data_juicer.errors import OperatorError
from data_juicer.job.layout import JobLayout
from data_juicer.ops.base import DatasetOperator, Operator
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.phases import ResolveStep
from data_juicer.storage.base import Store
from data_juicer.storage.os_errors import translate_os_errors
from data_juicer.store.commit import read_manifest
from data_juicer.store.decisions import DeadRows, Decision, ResolveManifest, stage_decisions
from data_juicer.store.summaries import DamagedSummaryError, SummaryFiles

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.ops.dataset.scratch import Scratch

Decisions = Callable[[int], dict[int, Decision]]
Drive = Callable[[Sequence[int], int, Decisions, DeadLetterBudget], None]
"""Runs partitions up to a dataset-wide operator, with what counts their dead letters."""


@dataclass(slots=True, kw_only=True)
class DatasetOperators:
    """All dataset-wide operators of one run."""

    store: Store
    clock: Clock
    layout: JobLayout
    run: int
    operators: Sequence[Operator]
    partitions: Sequence[PartitionSpec]
    barriers: Sequence[ResolveStep]
    committer: Committer
    recorder: EventRecorder
    memory_mb: int
    drive: Drive
    budget: DeadLetterBudget
    """Of the results; each dataset-wide operator has one like it."""
    context: RunContext
    _by_partition: dict[int, Mapping[int, Decision]] = field(default_factory=dict)

    def pass_all(self) -> None:
        """Bring every partition behind the last barrier's resolve."""
        for barrier in self.barriers:
            while barrier.resolve is None:
                self._gather(barrier)
                self._resolve(barrier)

    def decisions(self, partition_id: int) -> dict[int, Decision]:
        """The decisions about one partition that there are so far, by operator."""
        found = {}
        for barrier in self.barriers:
            index, resolve = barrier.operator_index, barrier.resolve
            if resolve is None:
                break
            if index not in self._by_partition:
                self._by_partition[index] = {each.partition: each for each in resolve.decisions}
            found[index] = self._by_partition[index][partition_id]
        return found

    def report(self) -> list[str]:
        """Tell people which rows were removed in favour of which, and which were made one. Returns the files written.

        Nothing is told if decisions of some operator are not there any more.
        """
        resolves = [barrier.resolve for barrier in self.barriers if barrier.resolve is not None]
        if not resolves or len(resolves) < len(self.barriers):
            return []
        write_dedup_report(self.store, self.layout, self.partitions, resolves)
        has_groups = write_group_report(self.store, self.layout, self.partitions, resolves)
        return [self.layout.dedup_report, *([self.layout.group_report] if has_groups else [])]

    def _gather(self, barrier: ResolveStep) -> None:
        """Have the summaries made that are missing.

        Raises: JobFailedError: too many rows were lost before, or could not be summarised.
        """
        index = barrier.operator_index
        ids = [spec.partition_id for spec in self.partitions]
        missing = [partition_id for partition_id in ids if partition_id not in barrier.summaries]
        budget = self.budget.of(barrier.summaries.values())
        budget.check()
        if missing:
            self.drive(missing, index, self.decisions, budget)
        for partition_id in missing:
            path = self.layout.summary_manifest(partition_id, index)
            barrier.summaries[partition_id] = read_manifest(self.store, path)

    def _resolve(self, barrier: ResolveStep) -> None:
        """Decide and commit. A damaged summary is set aside, and the barrier stays unresolved."""
        from data_juicer.ops.dataset.scratch import Scratch

        index, started_s = barrier.operator_index, self.clock.monotonic_s()
        operator = cast("DatasetOperator", self.operators[index])
        manifests = [barrier.summaries[spec.partition_id] for spec in self.partitions]
        summaries = SummaryFiles(
            self.store, self.layout.checkpoints_dir, manifests, self.context.heartbeat_or_stop
        )
        scratch = Scratch(self.layout.temp_dir, self.memory_mb * 1_000_000, self.context.heartbeat_or_stop)
        try:
            operator.prepare()
            tables = self._told(self._checked(operator, summaries, scratch))
            path = self.layout.decisions(index, self.run)
            decisions = stage_decisions(self.store, path, tables)
        except DamagedSummaryError as error:
            self._set_aside(barrier, error)
            return
        finally:
            scratch.close()
        duration_s = self.clock.monotonic_s() - started_s
        barrier.resolve = ResolveManifest(
            job=self.layout.job_id,
            operator_index=index,
            operator_name=operator.name,
            key=barrier.key,
            gathers=operator.gathers,
            file=path.rpartition("/")[2],
            size_bytes=decisions[-1].byte_stop,
            decisions=tuple(_with_costs(decisions, summaries, duration_s)),
            run=self.run,
            created=format_utc(self.clock.now()),
        )
        self.committer.commit_resolve(barrier.resolve)
        removed = sum(decision.rows_removed for decision in decisions)
        became = "all of them went into groups" if operator.gathers else f"{removed:,} are removed"
        self.recorder.inform(
            f"{operator.name}: {sum(summaries.rows):,} rows of {len(manifests):,} partitions compared in "
            f"{duration_s:.1f} s; {became}"
        )

    def _told(
        self, tables: Iterator[tuple[int, pa.Table, DeadRows]]
    ) -> Iterator[tuple[int, pa.Table, DeadRows]]:
        """Raises: StoreError: the disk refuses what a resolve cannot hold in memory."""
        with translate_os_errors("writing", self.layout.temp_dir):
            yield from tables

    def _checked(
        self, operator: DatasetOperator, summaries: SummaryFiles, scratch: Scratch
    ) -> Iterator[tuple[int, pa.Table, DeadRows]]:
        """Partition, decisions and rows that could not be summarised, in the order of the input."""
        placed = with_member_places if operator.gathers else with_source_rows
        tables, rows_decided = placed(operator.resolve(summaries, scratch), summaries, scratch), 0
        for number, (spec, table) in enumerate(zip(self.partitions, tables, strict=True)):
            if not operator.gathers and table.num_rows != summaries.rows[number]:
                raise OperatorError(
                    f"{operator.name}: {table.num_rows} decisions for the {summaries.rows[number]} rows of partition "
                    f"{spec.partition_id}; there must be one for each."
                )
            rows_decided += table.num_rows
            yield spec.partition_id, table, summaries.dead(number)
        if rows_decided != sum(summaries.rows):
            raise OperatorError(
                f"{operator.name}: {rows_decided} decisions for {sum(summaries.rows)} rows; there must be one for each."
            )

    def _set_aside(self, barrier: ResolveStep, error: DamagedSummaryError) -> None:
        partition_id = error.partition_id
        self.recorder.warn(f"a summary is damaged and was set aside: {error}", partition_id)
        self.committer.set_aside([self.layout.summary_manifest(partition_id, barrier.operator_index)])
        del barrier.summaries[partition_id]


def _with_costs(
    decisions: Sequence[Decision], summaries: SummaryFiles, resolve_s: float
) -> Iterator[Decision]:
    """The decisions with the seconds of all that led to them; those of the resolve are shared by rows."""
    row_s = resolve_s / max(1, sum(summaries.rows))
    for number, decision in enumerate(decisions):
        yield msgspec.structs.replace(
            decision,
            duration_s=summaries.seconds(number) + row_s * summaries.rows[number],
            text_bytes=summaries.text_bytes(number),
        )
