"""Shards of operators that compare rows in pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from data_juicer.engine.worker.shared.resolve.shard import ShardRunner
from data_juicer.ops.dataset.pairs import shards
from data_juicer.ops.dataset.pairs.clusters import PAIR
from data_juicer.ops.dataset.pairs.remover import PairRemover
from data_juicer.store.resolve.row_locations import add_known_rows, add_source_rows
from data_juicer.store.summaries import source_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.ops.dataset.scratch import Records


class PairShard(ShardRunner[PairRemover]):
    """Of rows that are compared in pairs; see `ops/dataset/pairs/shards.py`."""

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
