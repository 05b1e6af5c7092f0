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
from data_juicer.ops.dataset.groups import grouped, keyed
from data_juicer.ops.dataset.scratch import Records, Scratch
from data_juicer.ops.dataset.summaries import (
    ROW_BYTES,
    Numbers,
    Summaries,
    first_rows,
    numbered,
    row_count,
)
from data_juicer.ops.dataset.text_hash import halves, row_numbers
from data_juicer.rows import json_values
from data_juicer.rows.generated import own_rows

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch

KEY: Final = "key"
MEMBER_PARTITION: Final = "member_partition"
"""Position in the input of the partition that a member of a group comes from."""
MEMBER_ROW: Final = "member_row"
"""Its number there."""
ROW: Final = "__row__"
"""The row itself, as one JSON object; there when the decision is applied."""
IS_FIRST: Final = "is_first"
"""Whether it is the first of its group."""


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
        rows = row_count(summaries)
        firsts = first_rows(summaries)
        first = _first_of_each(summaries, rows, scratch)
        members = _by_group(first, scratch)
        for start, stop in pairwise(_cuts(summaries, first, members, scratch)):
            part = np.asarray(members[start:stop])
            partition = np.searchsorted(firsts, part, side="right") - 1
            yield pa.table(
                {
                    MEMBER_PARTITION: pa.array(partition.astype(np.int32)),
                    MEMBER_ROW: pa.array((part - firsts[partition]).astype(np.int32)),
                    IS_FIRST: pa.array(first[part] == part),
                }
            )

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


def _first_of_each(summaries: Summaries, rows: int, scratch: Scratch) -> Numbers:
    """For each row the first one of its group."""
    first: Numbers = scratch.zeros(rows, np.int64)
    for groups in grouped(_keyed(summaries), rows, scratch):
        first[groups.records["row"]] = groups.first
    return first


def _keyed(summaries: Summaries) -> Iterator[Records]:
    for first, table in numbered(summaries):
        column = table.column(KEY).combine_chunks()
        yield keyed(*halves(column), row_numbers(first, len(column)))


def _by_group(first: Numbers, scratch: Scratch) -> Numbers:
    """All rows, those of a group together, groups in the order of their first rows: by counting, not by sorting."""
    rows, done = len(first), 0
    place: Numbers = scratch.zeros(rows, np.int64)
    for start, stop in scratch.spans(rows, 16):
        np.add.at(place, first[start:stop], 1)
    for start, stop in scratch.spans(rows, 24):
        sizes = np.array(place[start:stop])
        place[start:stop] = done + np.cumsum(sizes) - sizes
        done += int(sizes.sum())
    members: Numbers = scratch.zeros(rows, np.int64)
    for start, stop in scratch.spans(rows, 64):
        order = np.argsort(first[start:stop], kind="stable")
        group = first[start:stop][order]
        begins = np.flatnonzero(np.diff(group, prepend=-1))
        sizes = np.diff(begins, append=len(group))
        within = np.arange(len(group)) - np.repeat(begins, sizes)
        members[place[group] + within] = start + order
        place[group[begins]] += sizes
    return members


def _cuts(summaries: Summaries, first: Numbers, members: Numbers, scratch: Scratch) -> list[int]:
    """Where the members of each partition begin and those of the last one end, shape (partitions + 1,)."""
    rows, partitions = len(members), len(summaries.rows)
    sizes: Numbers = scratch.zeros(rows, np.int64)
    for number, table in numbered(summaries):
        sizes[number : number + table.num_rows] = table.column(ROW_BYTES).to_numpy()
    total = sum(int(sizes[start:stop].sum()) for start, stop in scratch.spans(rows, 8))
    share = max(1, -(-total // max(1, partitions)))
    cuts = np.full(partitions + 1, rows, np.int64)
    done = 0
    for start, stop in scratch.spans(rows, 64):
        part = members[start:stop]
        stops = done + np.cumsum(sizes[part])
        starts = np.flatnonzero(first[part] == part)
        before = stops[starts] - sizes[part[starts]]
        np.minimum.at(cuts, before // share, starts + start)
        done = int(stops[-1])
    cuts[0] = 0
    return list(np.minimum.accumulate(cuts[::-1])[::-1].tolist())
