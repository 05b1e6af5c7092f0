"""One shard of a resolve, as a worker executes it: files of the step before in, a file for the next step out."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from data_juicer.engine.protocol.shared_work import ResolveWork, ShardStaged, SummariesChecked
from data_juicer.errors import OperatorError
from data_juicer.job.layout import JobLayout
from data_juicer.ops.base import DatasetOperator
from data_juicer.ops.dataset.key_share import KeyShare
from data_juicer.ops.dataset.scratch import Scratch
from data_juicer.ops.dataset.summaries import first_rows
from data_juicer.storage.os_errors import translate_os_errors
from data_juicer.store.decisions import DeadRows, stage_decisions
from data_juicer.store.resolve.shards import decode_catalogue, read_sections, stage_sections
from data_juicer.store.summaries import SummaryFiles

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from data_juicer.ops.dataset.scratch import Records
    from data_juicer.storage.base import Store


OperatorT = TypeVar("OperatorT", bound=DatasetOperator)


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
        """Positions of the partitions that this shard is about."""
        work = self.work
        return range(*(work.partitions or work.groups[work.number : work.number + 2]))

    @functools.cached_property
    def bounds(self) -> npt.NDArray[np.int64]:
        """The first row of each group of partitions, and the end of the last."""
        tables = self.summaries.known + np.array(self.work.groups)
        bounds: npt.NDArray[np.int64] = first_rows(self.summaries)[tables]
        return bounds

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
            if not self.operator.collects_rows and table.num_rows != manifest.rows:
                raise OperatorError(
                    f"{self.work.operator_name}: {table.num_rows} decisions for the {manifest.rows} rows of partition "
                    f"{manifest.partition}; there must be one for each."
                )
            yield manifest.partition, table, self.summaries.dead(position)
