"""Shards of groupers; see `ops/dataset/grouping/members.py`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import numpy as np

from data_juicer.engine.worker.shared.resolve.shard import ShardRunner
from data_juicer.ops.dataset.grouping.grouper import Grouper
from data_juicer.ops.dataset.grouping.members import (
    arranged,
    by_partition,
    member_kind,
    member_table,
    placed_kind,
    spread_members,
)
from data_juicer.ops.dataset.summaries import first_rows
from data_juicer.store.resolve.row_locations import add_member_locations, location_kind, member_locations

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.ops.dataset.grouping.cut import GroupCut
    from data_juicer.ops.dataset.scratch import Records


class GroupShard(ShardRunner[Grouper]):
    def records(self) -> Iterator[tuple[int, Records]]:
        return self._members() if self.work.step == "meet" else self._placed()

    def _members(self) -> Iterator[tuple[int, Records]]:
        """Those of a share of all keys, by the groups of partitions that hold the first row; last, the bytes of each of these."""
        ((_, share),) = self.shares
        spread, sizes = spread_members(
            self._summaries(),
            self.scratch,
            bounds=self.bounds,
            share=share,
            carried=location_kind(),
            values=member_locations,
        )
        for number, bucket in enumerate(spread):
            for chunk in bucket:
                yield number, chunk
        yield len(sizes), sizes

    def _summaries(self) -> Iterator[tuple[int, pa.Table]]:
        firsts = first_rows(self.summaries)
        for number in range(len(firsts) - 1):
            self.scratch.heartbeat()
            yield int(firsts[number]), self.summaries.whole_summary(number)

    def _placed(self) -> Iterator[tuple[int, Records]]:
        """The members of groups that begin in some partitions, by the groups of partitions that make them."""
        work, kind = self.work, member_kind(location_kind())
        start, stop = self.bounds[work.number : work.number + 2].tolist()
        count = sum(each.byte_stop - each.byte_start for each in work.sections) // kind.itemsize
        cut = cast("GroupCut", work.cut)
        for part in arranged(
            lambda: self.sections(kind), (start, stop), count, cut, self.scratch, location_kind()
        ):
            group = np.searchsorted(work.groups, part["partition"], side="right") - 1
            cuts = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(part)]
            for begin, end in pairwise(cuts):
                yield int(group[begin]), part[begin:end]

    def tables(self) -> Iterator[pa.Table]:
        firsts, carried = first_rows(self.summaries), location_kind()
        placed = self.sections(placed_kind(carried))
        for members in by_partition(placed, self.partitions, carried):
            self.scratch.heartbeat()
            yield add_member_locations(member_table(members, firsts), members, self.summaries)
