"""One shard of a resolve, as a worker executes it: files of the step before in, a file for the next step out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from data_juicer.engine.protocol.shared_work import ResolveWork, ShardStaged, SummariesChecked
from data_juicer.errors import OperatorError
from data_juicer.job.layout import JobLayout
from data_juicer.ops.dataset.pairs import shards
from data_juicer.ops.dataset.pairs.clusters import PAIR
from data_juicer.ops.dataset.pairs.remover import KeyShare, PairRemover
from data_juicer.ops.dataset.scratch import Scratch
from data_juicer.ops.dataset.summaries import first_rows
from data_juicer.storage.os_errors import translate_os_errors
from data_juicer.store.decisions import DeadRows, stage_decisions
from data_juicer.store.resolve.row_locations import add_source_rows
from data_juicer.store.resolve.shards import decode_catalogue, read_sections, stage_sections
from data_juicer.store.summaries import SummaryFiles, source_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.ops.dataset.scratch import Records
    from data_juicer.storage.base import Store


class ShardRunner:
    """One attempt of a shard."""

    def __init__(
        self,
        work: ResolveWork,
        operator: PairRemover,
        store: Store,
        layout: JobLayout,
        attempt: str,
        heartbeat: Callable[[], None],
    ) -> None:
        self.work = work
        self.operator = operator
        self.store = store
        self.layout = layout
        self.attempt = attempt
        self.manifests = decode_catalogue(store.read(work.catalogue))
        self.summaries = SummaryFiles(
            store, layout.checkpoints_dir, self.manifests, heartbeat, is_checked=True
        )
        self.scratch = Scratch(layout.temp_dir, work.memory_bytes, heartbeat)
        self.bounds = first_rows(self.summaries)[np.array(work.groups)]

    def run(self) -> ShardStaged | SummariesChecked:
        """Raises: StoreError: a disk is full. OperatorError. CheckpointCorruptError: a file of the step before is damaged."""
        try:
            with translate_os_errors("writing", self.layout.temp_dir):
                if self.work.step == "check":
                    damaged = self.summaries.damaged(self._partitions)
                    return SummariesChecked(damaged=tuple(damaged))
                if self.work.step == "decide":
                    return self._decide()
                return self._stage()
        finally:
            self.scratch.close()

    @property
    def _partitions(self) -> range:
        """Positions of the partitions of this shard's group."""
        return range(*self.work.groups[self.work.number : self.work.number + 2])

    def _stage(self) -> ShardStaged:
        work = self.work
        path = self.layout.shard_data(work.operator_index, work.step, work.number, self.attempt)
        sections = stage_sections(self.store, path, self._records())
        return ShardStaged(
            file=path.rpartition("/")[2],
            size_bytes=sections[-1].byte_stop if sections else 0,
            sections=sections,
        )

    def _records(self) -> Iterator[tuple[int, Records]]:
        work, operator = self.work, self.operator
        match work.step:
            case "meet":
                keys = [(each.key, KeyShare(each.share, each.shares)) for each in work.keys]
                return shards.meet(operator, self.summaries, self.scratch, keys, self.bounds)
            case "compare":
                alike = shards.compare(operator, self.summaries, self.scratch, self._sections())
                return ((work.number, edges) for edges in alike)
            case _:
                count = sum(each.byte_stop - each.byte_start for each in work.sections) // PAIR.itemsize
                return shards.join(operator, self.summaries, self.scratch, self._sections, count, self.bounds)

    def _sections(self) -> Iterator[Records]:
        return read_sections(self.store, self.layout.shards_dir, self.work.sections, PAIR)

    def _decide(self) -> ShardStaged:
        work = self.work
        path = self.layout.group_decisions(work.operator_index, work.number, self.attempt)
        decisions = stage_decisions(self.store, path, self._decided())
        return ShardStaged(
            file=path.rpartition("/")[2],
            size_bytes=decisions[-1].byte_stop if decisions else 0,
            decisions=tuple(decisions),
        )

    def _decided(self) -> Iterator[tuple[int, pa.Table, DeadRows]]:
        moved = np.concatenate([np.empty(0, PAIR), *self._sections()])
        decided = shards.decide(
            self.operator, self.summaries, self.scratch, moved, self._partitions, source_rows
        )
        for position, (table, own, kept) in zip(self._partitions, decided, strict=True):
            manifest = self.manifests[position]
            if table.num_rows != manifest.rows:
                raise OperatorError(
                    f"{self.work.operator_name}: {table.num_rows} decisions for the {manifest.rows} rows of partition "
                    f"{manifest.partition}; there must be one for each."
                )
            yield manifest.partition, add_source_rows(table, own, kept), self.summaries.dead(position)
