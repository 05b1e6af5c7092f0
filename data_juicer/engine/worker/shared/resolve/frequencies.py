"""Shards of selectors by frequency; see `ops/dataset/ranks/frequencies.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from data_juicer.engine.worker.shared.resolve.shard import ShardRunner
from data_juicer.ops.dataset.decisions import KEEP
from data_juicer.ops.dataset.ranks.digits import DIGIT_BITS, histogram, sparse
from data_juicer.ops.dataset.ranks.frequencies import VALUE, FrequencySelector
from data_juicer.ops.dataset.scratch import Buckets
from data_juicer.ops.dataset.summaries import first_rows, row_count

if TYPE_CHECKING:
    from data_juicer.ops.dataset.scratch import Records

_ROW = np.dtype("<i8")


class FrequencyShard(ShardRunner[FrequencySelector]):
    def records(self) -> Iterator[tuple[int, Records]]:
        match self.work.step:
            case "count":
                ((_, share),) = self.shares
                values = self.operator.values(self.summaries, self.scratch, share)
                return ((0, part) for part in values)
            case "rank":
                return iter([(0, self._histogram())])
            case _:
                return self._chosen_rows()

    def _histogram(self) -> Records:
        """Of the values of this share, those that another shard counted."""
        (bound,), rows = self.work.bounds, row_count(self.summaries)
        counts = np.zeros(1 << DIGIT_BITS, np.int64)
        for values in self.sections(VALUE):
            self.scratch.heartbeat()
            counts += histogram(self.operator.keys(values, rows), bound.prefix)
        return sparse(counts)

    def _chosen_rows(self) -> Iterator[tuple[int, Records]]:
        """Rows that stay, by groups of partitions."""
        ((_, share),), (bound,) = self.shares, self.work.bounds
        spread = Buckets(self.scratch, _ROW, count=len(self.bounds) - 1)
        for rows in self.operator.chosen_rows(self.summaries, self.scratch, bound, share):
            spread.add(np.searchsorted(self.bounds, rows, side="right") - 1, rows)
        for number, bucket in enumerate(spread):
            for chunk in bucket:
                yield number, chunk

    def tables(self) -> Iterator[pa.Table]:
        firsts = first_rows(self.summaries)
        start = int(firsts[self.partitions.start])
        keep = self.scratch.zeros(int(firsts[self.partitions.stop]) - start, np.bool_)
        for rows in self.sections(_ROW):
            keep[rows - start] = True
        for position in self.partitions:
            part = keep[firsts[position] - start : firsts[position + 1] - start]
            yield pa.table({KEEP: pa.array(np.asarray(part))})
