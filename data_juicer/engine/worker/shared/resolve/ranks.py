"""Shards of selectors by rank; see `ops/dataset/ranks/selectors.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from data_juicer.engine.worker.shared.resolve.shard import ShardRunner
from data_juicer.ops.dataset.ranks.digits import DIGIT_BITS, histogram, sparse
from data_juicer.ops.dataset.ranks.selectors import RankSelector
from data_juicer.ops.dataset.summaries import first_rows, row_count

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.ops.dataset.ranks.digits import Digits
    from data_juicer.ops.dataset.scratch import Records


class RankShard(ShardRunner[RankSelector]):
    def records(self) -> Iterator[tuple[int, Records]]:
        """A histogram for each bound that is not found yet and, last, the number of rows with a value."""
        bounds = self.work.bounds
        counts = np.zeros((len(bounds) + 1, 1 << DIGIT_BITS), np.int64)
        for summary, keys in self._parts():
            counts[-1, 0] += self.operator.valued(summary)
            for number, bound in enumerate(bounds):
                if not bound.is_found:
                    counts[number] += histogram(keys, bound.prefix)
        return enumerate(map(sparse, counts))

    def tables(self) -> Iterator[pa.Table]:
        return (self.operator.keep(keys, self.work.bounds) for _, keys in self._parts())

    def _parts(self) -> Iterator[tuple[pa.Table, Digits]]:
        firsts, rows = first_rows(self.summaries), row_count(self.summaries)
        for position in self.partitions:
            self.scratch.heartbeat()
            summary = self.summaries.summary(position)
            yield summary, self.operator.keys(summary, int(firsts[position]), rows)
