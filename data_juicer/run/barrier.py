"""Dataset-wide operators as the driver runs them: summaries gathered, resolved, decisions committed.

A resolve runs in the driver: it is the same on every backend, there is one of it at a time, no partition is to blame when it
fails, and its memory is a setting of its own. It works in small steps, between which the driver renews its lock and may
be stopped. Killed, it begins again from the summaries, which are committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from data_juicer.clock import Clock, format_utc
from data_juicer.errors import OperatorError
from data_juicer.job.layout import JobLayout
from data_juicer.ops.base import DatasetOperator, Operator
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.phases import Barrier
from data_juicer.run.committer import Committer
from data_juicer.run.dedup_report import KEPT_SOURCE_ROW, ROW, write_report
from data_juicer.run.recorder import Recorder
from data_juicer.store.commit import read_manifest
from data_juicer.store.decisions import Decision, ResolveManifest, stage_decisions
from data_juicer.store.filesystem import FileSystem
from data_juicer.store.summaries import DamagedSummaryError, SummaryFiles

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.ops.dataset.scratch import Scratch

Decisions = Callable[[int], dict[int, Decision]]
Drive = Callable[[Sequence[int], int, Decisions], None]
"""Runs partitions up to a dataset-wide operator."""


@dataclass(slots=True, kw_only=True)
class Barriers:
    """All dataset-wide operators of one run."""

    fs: FileSystem
    clock: Clock
    layout: JobLayout
    run: int
    operators: Sequence[Operator]
    partitions: Sequence[PartitionSpec]
    barriers: Sequence[Barrier]
    committer: Committer
    recorder: Recorder
    memory_mb: int
    drive: Drive
    tick: Callable[[], None]
    """Called between the small steps of a resolve; may raise to end it."""
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

    def report(self) -> None:
        """Tell people which rows were removed in favour of which, if decisions of every operator are still there."""
        resolves = [barrier.resolve for barrier in self.barriers if barrier.resolve is not None]
        if resolves and len(resolves) == len(self.barriers):
            write_report(self.fs, self.layout, self.partitions, resolves)

    def _gather(self, barrier: Barrier) -> None:
        """Have the summaries made that are missing."""
        index = barrier.operator_index
        ids = [spec.partition_id for spec in self.partitions]
        missing = [partition_id for partition_id in ids if partition_id not in barrier.summaries]
        if missing:
            self.drive(missing, index, self.decisions)
        for partition_id in missing:
            path = self.layout.summary_manifest(partition_id, index)
            barrier.summaries[partition_id] = read_manifest(self.fs, path)

    def _resolve(self, barrier: Barrier) -> None:
        """Decide and commit. A damaged summary is set aside, and the barrier stays unresolved."""
        from data_juicer.ops.dataset.scratch import Scratch

        index, started_s = barrier.operator_index, self.clock.monotonic_s()
        operator = cast("DatasetOperator", self.operators[index])
        manifests = [barrier.summaries[spec.partition_id] for spec in self.partitions]
        summaries = SummaryFiles(self.fs, self.layout.checkpoints_dir, manifests, self.tick)
        scratch = Scratch(self.layout.temp_dir, self.memory_mb * 1_000_000, self.tick)
        try:
            operator.prepare()
            tables = self._checked(operator, summaries, scratch)
            path = self.layout.decisions(index, self.run)
            decisions = stage_decisions(self.fs, path, tables)
        except DamagedSummaryError as error:
            self._set_aside(barrier, error)
            return
        finally:
            scratch.close()
        barrier.resolve = ResolveManifest(
            job=self.layout.job_id,
            operator_index=index,
            operator_name=operator.name,
            key=barrier.key,
            file=path.rpartition("/")[2],
            size_bytes=decisions[-1].byte_stop,
            decisions=tuple(decisions),
            run=self.run,
            created=format_utc(self.clock.now()),
        )
        self.committer.commit_resolve(barrier.resolve)
        removed = sum(decision.rows_removed for decision in decisions)
        self.recorder.inform(
            f"{operator.name}: {sum(summaries.rows):,} rows of {len(manifests):,} partitions compared in "
            f"{self.clock.monotonic_s() - started_s:.1f} s; {removed:,} are removed"
        )

    def _checked(
        self, operator: DatasetOperator, summaries: SummaryFiles, scratch: Scratch
    ) -> Iterator[tuple[int, pa.Table]]:
        """Partition and decisions, in the order of the input."""
        tables = operator.resolve(summaries, scratch)
        told = _with_source_rows(tables, summaries, scratch)
        for spec, rows, table in zip(self.partitions, summaries.rows, told, strict=True):
            if table.num_rows != rows:
                raise OperatorError(
                    f"{operator.name}: {table.num_rows} decisions for the {rows} rows of partition "
                    f"{spec.partition_id}; there must be one for each."
                )
            yield spec.partition_id, table

    def _set_aside(self, barrier: Barrier, error: DamagedSummaryError) -> None:
        partition_id = error.partition_id
        self.recorder.warn(f"a summary is damaged and was set aside: {error}", partition_id)
        self.committer.set_aside([self.layout.summary_manifest(partition_id, barrier.operator_index)])
        del barrier.summaries[partition_id]


def _with_source_rows(
    tables: Iterator[pa.Table], summaries: SummaryFiles, scratch: Scratch
) -> Iterator[pa.Table]:
    """Decisions that name the row which stays for another, with the places of both in their sources, for the report."""
    import numpy as np
    import pyarrow as pa

    from data_juicer.ops.dataset.decisions import KEPT_PARTITION, KEPT_ROW
    from data_juicer.ops.dataset.summaries import first_rows

    firsts, origins = first_rows(summaries), None
    for position, table in enumerate(tables):
        if KEPT_ROW not in table.column_names:
            yield table
            continue
        if origins is None:
            origins = scratch.zeros(int(firsts[-1]), np.int32)
            for first, part in zip(firsts, summaries.origins(), strict=False):
                origins[first : first + len(part)] = part
        nowhere = np.asarray(table.column(KEPT_ROW).combine_chunks().is_null())
        partition = table.column(KEPT_PARTITION).fill_null(0).to_numpy()
        row = table.column(KEPT_ROW).fill_null(0).to_numpy()
        kept = pa.array(origins[firsts[partition] + row] if len(row) else row, pa.int32(), mask=nowhere)
        own = pa.array(np.asarray(origins[firsts[position] : firsts[position + 1]]))
        yield table.append_column(ROW, own).append_column(KEPT_SOURCE_ROW, kept)
