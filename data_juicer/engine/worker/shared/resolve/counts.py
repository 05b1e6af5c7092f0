"""Shards of operators that count keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from data_juicer.engine.worker.shared.resolve.shard import ShardRunner
from data_juicer.ops.dataset.groups import KEYED
from data_juicer.ops.dataset.key_counts import KeyCounter, in_order

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.ops.dataset.scratch import Records


class CountShard(ShardRunner[KeyCounter]):
    """Of keys that are counted; see `ops/dataset/key_counts.py`."""

    def records(self) -> Iterator[tuple[int, Records]]:
        return ((0, self.operator.frequent(self.summaries, self.scratch, share)) for _, share in self.shares)

    def tables(self) -> Iterator[pa.Table]:
        frequent = in_order(self.sections(KEYED))
        for position in self.partitions:
            self.scratch.heartbeat()
            yield self.operator.decide(self.summaries.summary(position), frequent)
