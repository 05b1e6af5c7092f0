"""What groupers share: rows with one key become one row, whose fields are lists.

Groups come in the order of their first rows, and the rows of a group in the order of the input. Each group is made by one
partition, together with the groups around it: partitions are given groups of about as many bytes each, so that one needs
memory for its share of all rows, or for one group if that is larger.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
import pyarrow as pa

from data_juicer.ops.base import DatasetOperator, Kind, LedgerOutcome
from data_juicer.ops.dataset.grouping.cut import GroupCut, share_of
from data_juicer.ops.dataset.grouping.members import (
    IS_FIRST,
    KEY,
    arranged,
    by_partition,
    member_table,
    spread_members,
)
from data_juicer.ops.dataset.scratch import Scratch
from data_juicer.ops.dataset.summaries import Summaries, first_rows, numbered, row_count
from data_juicer.rows import json_values
from data_juicer.rows.generated import own_rows

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch

ROW: Final = "__row__"
"""The row itself, as one JSON object; there when the decision is applied."""


class Grouper(DatasetOperator):
    """Makes one row of all rows with the same key. A field of it is the list of their values, null for a row without."""

    kind: ClassVar[Kind] = "grouper"
    ledger_outcome: ClassVar[LedgerOutcome] = "grouped"
    collects_rows: ClassVar[bool] = True

    def text_keys_read(self) -> tuple[str, ...]:
        return ()

    @abstractmethod
    def keys(self, batch: Batch) -> pa.Array:
        """What the rows of a group have in common: fixed_size_binary(16), shape (rows,), no nulls."""

    def summarise(self, batch: Batch) -> pa.Table:
        return pa.table({KEY: self.keys(batch)})

    def resolve(self, summaries: Summaries, scratch: Scratch) -> Iterator[pa.Table]:
        """The members of the groups that each partition makes."""
        rows, partitions = row_count(summaries), len(summaries.rows)
        spread, sizes = spread_members(numbered(summaries), scratch, bounds=np.array([0, rows]))
        cut = GroupCut(bytes_before=0, share_bytes=share_of(int(sizes.sum()), partitions))
        placed = arranged(lambda: spread.chunks(0), (0, rows), rows, cut, scratch)
        for members in by_partition(placed, range(partitions)):
            yield member_table(members, first_rows(summaries))

    def apply(self, batch: Batch, decision: pa.Table) -> Batch:
        rows = decision.column(ROW)
        starts = np.flatnonzero(decision.column(IS_FIRST).to_numpy())
        spans = pairwise([*starts.tolist(), decision.num_rows])
        lines = (rows[start:stop].to_pylist() for start, stop in spans)
        groups = [[json_values.raw_object(line) for line in members] for members in lines]
        return own_rows(batch.source, [row for members in groups for row in self.group(members)])

    def group(self, members: Sequence[Mapping[str, bytes]]) -> Sequence[Mapping[str, bytes]]:
        """The rows that are made of the rows of one group, all of raw JSON values; one row with lists of theirs."""
        names = dict.fromkeys(name for member in members for name in member)
        return [
            {
                name: b"[" + b",".join([member.get(name, b"null") for member in members]) + b"]"
                for name in names
            }
        ]
