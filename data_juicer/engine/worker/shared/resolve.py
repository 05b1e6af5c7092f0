"""One shard of a resolve, as a worker executes it: files of the step before in, a file for the next step out."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from data_juicer.engine.protocol.shared_work import ResolveWork, ShardStaged, SummariesChecked
from data_juicer.errors import OperatorError
from data_juicer.job.layout import JobLayout
from data_juicer.ops.base import Operator
from data_juicer.ops.dataset.groups import KEYED
from data_juicer.ops.dataset.key_counts import KeyCounter, in_order
from data_juicer.ops.dataset.pairs import shards
from data_juicer.ops.dataset.pairs.clusters import PAIR
from data_juicer.ops.dataset.pairs.remover import KeyShare, PairRemover
from data_juicer.ops.dataset.scratch import Scratch
from data_juicer.ops.dataset.summaries import first_rows
from data_juicer.storage.os_errors import translate_os_errors
from data_juicer.store.decisions import DeadRows, stage_decisions
from data_juicer.store.resolve.row_locations import add_known_rows, add_source_rows
from data_juicer.store.resolve.shards import decode_catalogue, read_sections, stage_sections
from data_juicer.store.summaries import SummaryFiles, source_rows

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from data_juicer.ops.dataset.scratch import Records
    from data_juicer.storage.base import Store


OperatorT = TypeVar("OperatorT", bound=Operator)


class ShardRunner(ABC, Generic[OperatorT]):
    """One attempt of a shard."""

    def __init__(
        self,
        operator: OperatorT,
        work: ResolveWork,
        store: Store,
        layout: JobLayout,
        attempt: str,
        heartbeat: Callable[[], None],
    ) -> None:
        self.operator = operator
        self.work = work
        self.store = store
        self.layout = layout
        self.attempt = attempt
        catalogue = decode_catalogue(store.read(work.catalogue))
        self.manifests = catalogue.manifests
        self.summaries = SummaryFiles(
            store, layout.checkpoints_dir, self.manifests, heartbeat, is_checked=True, known=catalogue.known
        )
        self.scratch = Scratch(layout.temp_dir, work.memory_bytes, heartbeat)

    @abstractmethod
    def records(self) -> Iterator[tuple[int, Records]]:
        """What this shard leaves for the next step, each with the number of a section."""

    @abstractmethod
    def tables(self) -> Iterator[pa.Table]:
        """The decisions about each partition of this shard's group."""

    def run(self) -> ShardStaged | SummariesChecked:
        """Raises: StoreError: a disk is full. OperatorError. CheckpointCorruptError: a file of the step before is damaged."""
        try:
            with translate_os_errors("writing", self.layout.temp_dir):
                if self.work.step == "check":
                    return SummariesChecked(damaged=tuple(self.summaries.damaged(self.partitions)))
                return self._decide() if self.work.step == "decide" else self._stage()
        finally:
            self.scratch.close()

    @property
    def partitions(self) -> range:
        """Positions of the partitions of this shard's group."""
        return range(*self.work.groups[self.work.number : self.work.number + 2])

    @property
    def shares(self) -> list[tuple[int, KeyShare]]:
        """Which of a row's keys this shard looks at, and which values of it."""
        return [(each.key, KeyShare(each.share, each.shares)) for each in self.work.keys]

    def sections(self, kind: npt.DTypeLike) -> Iterator[Records]:
        """What shards of the step before left for this one."""
        return read_sections(self.store, self.layout.shards_dir, self.work.sections, kind)

    def _stage(self) -> ShardStaged:
        work = self.work
        path = self.layout.shard_data(work.operator_index, work.step, work.number, self.attempt)
        sections = stage_sections(self.store, path, self.records())
        return ShardStaged(
            file=path.rpartition("/")[2],
            size_bytes=sections[-1].byte_stop if sections else 0,
            sections=sections,
        )

    def _decide(self) -> ShardStaged:
        work = self.work
        path = self.layout.group_decisions(work.operator_index, work.number, self.attempt)
        decisions = stage_decisions(self.store, path, self._decided())
        return ShardStaged(
            file=path.rpartition("/")[2], size_bytes=decisions[-1].byte_stop, decisions=tuple(decisions)
        )

    def _decided(self) -> Iterator[tuple[int, pa.Table, DeadRows]]:
        for position, table in zip(self.partitions, self.tables(), strict=True):
            manifest = self.manifests[position]
            if table.num_rows != manifest.rows:
                raise OperatorError(
                    f"{self.work.operator_name}: {table.num_rows} decisions for the {manifest.rows} rows of partition "
                    f"{manifest.partition}; there must be one for each."
                )
            yield manifest.partition, table, self.summaries.dead(position)


class PairShard(ShardRunner[PairRemover]):
    """Of rows that are compared in pairs; see `ops/dataset/pairs/shards.py`."""

    @functools.cached_property
    def bounds(self) -> npt.NDArray[np.int64]:
        """The first row of each group of partitions, and the end of the last."""
        tables = self.summaries.known + np.array(self.work.groups)
        bounds: npt.NDArray[np.int64] = first_rows(self.summaries)[tables]
        return bounds

    def records(self) -> Iterator[tuple[int, Records]]:
        work = self.work
        match work.step:
            case "meet":
                return shards.meet(self.operator, self.summaries, self.scratch, self.shares, self.bounds)
            case "compare":
                alike = shards.compare(self.operator, self.summaries, self.scratch, self._pairs())
                return ((work.number, edges) for edges in alike)
            case _:
                count = sum(each.byte_stop - each.byte_start for each in work.sections) // PAIR.itemsize
                return shards.join(
                    self.operator, self.summaries, self.scratch, self._pairs, count, self.bounds
                )

    def tables(self) -> Iterator[pa.Table]:
        moved = np.concatenate([np.empty(0, PAIR), *self._pairs()])
        known = self.summaries.known
        tables = range(known + self.partitions.start, known + self.partitions.stop)
        for table, own, kept in shards.decide(
            self.operator, self.summaries, self.scratch, moved, tables, source_rows
        ):
            yield add_known_rows(add_source_rows(table, own, kept), self.summaries)

    def _pairs(self) -> Iterator[Records]:
        return self.sections(PAIR)


class CountShard(ShardRunner[KeyCounter]):
    """Of keys that are counted; see `ops/dataset/key_counts.py`."""

    def records(self) -> Iterator[tuple[int, Records]]:
        return ((0, self.operator.frequent(self.summaries, self.scratch, share)) for _, share in self.shares)

    def tables(self) -> Iterator[pa.Table]:
        frequent = in_order(self.sections(KEYED))
        for position in self.partitions:
            self.scratch.heartbeat()
            yield self.operator.decide(self.summaries.summary(position), frequent)


def shard_runner(
    operator: Operator,
    work: ResolveWork,
    store: Store,
    layout: JobLayout,
    attempt: str,
    heartbeat: Callable[[], None],
) -> ShardRunner[Any]:
    """What executes a shard of this operator's resolve. Raises: OperatorError: it has no shards."""
    if isinstance(operator, PairRemover):
        return PairShard(operator, work, store, layout, attempt, heartbeat)
    if isinstance(operator, KeyCounter):
        return CountShard(operator, work, store, layout, attempt, heartbeat)
    raise OperatorError(f"{operator.name}: its resolve cannot be shared out.")
