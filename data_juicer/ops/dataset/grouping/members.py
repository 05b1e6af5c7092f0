"""The members of groups: found by their keys, put in order by the first rows of their groups, and shared out to partitions.

Each step can be done for a share of all keys, for a range of first rows, or for some partitions, by itself
(`engine/worker/shared/resolve/groups.py`). The steps may carry along what else is to be known of each member.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa

from data_juicer.ops.dataset.grouping.cut import GroupCut
from data_juicer.ops.dataset.groups import KEYED, grouped
from data_juicer.ops.dataset.key_share import ALL_KEYS, KeyShare
from data_juicer.ops.dataset.scratch import Buckets, Records, Scratch
from data_juicer.ops.dataset.summaries import ROW_BYTES, Numbers
from data_juicer.ops.dataset.text_hash import halves, row_numbers

KEY: Final = "key"
MEMBER_PARTITION: Final = "member_partition"
"""Position in the input of the partition that a member of a group comes from."""
MEMBER_ROW: Final = "member_row"
"""Its number there."""
IS_FIRST: Final = "is_first"
"""Whether it is the first of its group."""
NOTHING: Final = np.dtype([])
"""Carried along."""


def member_kind(carried: np.dtype[np.void] = NOTHING) -> np.dtype[np.void]:
    """What is known of a member of a group: the first row of the group, its own, and its bytes."""
    return np.dtype([("first", "<i8"), ("row", "<i8"), ("size", "<i8"), *_fields(carried)])


def placed_kind(carried: np.dtype[np.void] = NOTHING) -> np.dtype[np.void]:
    """The same, with the partition that makes the group."""
    return np.dtype([("partition", "<i8"), *_fields(member_kind(carried))])


def spread_members(
    tables: Iterable[tuple[int, pa.Table]],
    scratch: Scratch,
    *,
    bounds: Numbers,
    share: KeyShare = ALL_KEYS,
    carried: np.dtype[np.void] = NOTHING,
    values: Callable[[pa.Table], Records] | None = None,
) -> tuple[Buckets, Numbers]:
    """The members of groups whose keys are in a share, spread by ranges of rows that the first ones of the groups are in.

    Args:
        tables: summaries, each with the number of its first row.
        bounds: the number of each range's first row and, last, that of all rows.
        carried: what else is to be known of each member, and
        values: summary -> that.
    Returns: the members (`member_kind`), those of a group by rising row; and the bytes of those of each range.
    """
    rows, ranges = int(bounds[-1]), len(bounds) - 1
    sizes: Numbers = np.zeros(ranges, np.int64)
    spread = Buckets(scratch, member_kind(carried), count=ranges)
    kind = np.dtype([*KEYED.descr, ("size", "<i8"), *_fields(carried)])
    records = (_keyed(first, table, kind, share, values) for first, table in tables)
    for groups in grouped(records, rows // share.of, scratch, kind):
        new = groups.is_new
        members = _as(groups.records[new], member_kind(carried))
        members["first"] = groups.first[new]
        place = np.searchsorted(bounds, members["first"], side="right") - 1
        np.add.at(sizes, place, members["size"])
        spread.add(place, members)
    return spread, sizes


def _keyed(
    first: int,
    table: pa.Table,
    kind: np.dtype[np.void],
    share: KeyShare,
    values: Callable[[pa.Table], Records] | None,
) -> Records:
    high, low = halves(table.column(KEY).combine_chunks())
    own = share.holds(low)
    records = _as(values(table)[own], kind) if values else np.zeros(len(low[own]), kind)
    records["high"], records["low"] = high[own], low[own]
    records["row"] = row_numbers(first, table.num_rows)[own]
    records["size"] = table.column(ROW_BYTES).to_numpy()[own]
    return records


def arranged(
    members: Callable[[], Iterable[Records]],
    rows: tuple[int, int],
    count: int,
    cut: GroupCut,
    scratch: Scratch,
    carried: np.dtype[np.void] = NOTHING,
) -> Iterator[Records]:
    """Members with their partitions (`placed_kind`), in chunks: those of a group together, groups by their first rows.

    They are put in order by counting, not by sorting.

    Args:
        members: of groups whose first rows are in a range, in chunks, those of a group by rising row; gone through twice.
        rows: that range, from a row up to another.
        count: how many members there are.
    """
    start_row, stop_row = rows
    place: Numbers = scratch.zeros(stop_row - start_row, np.int64)
    for chunk in members():
        np.add.at(place, chunk["first"] - start_row, 1)
    done = 0
    for start, stop in scratch.spans(len(place), 24):
        sizes = np.array(place[start:stop])
        place[start:stop] = done + np.cumsum(sizes) - sizes
        done += int(sizes.sum())
    ordered = scratch.zeros(count, placed_kind(carried))
    for chunk in members():
        _put(ordered, place, chunk, start_row)
    yield from _in_partitions(ordered, cut, scratch)


def _put(ordered: Records, place: Numbers, chunk: Records, start_row: int) -> None:
    """Each member where its group begins, after those of the group that are there."""
    order = np.argsort(chunk["first"], kind="stable")
    chunk = chunk[order]
    group = chunk["first"] - start_row
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    sizes = np.diff(begins, append=len(group))
    within = np.arange(len(group)) - np.repeat(begins, sizes)
    ordered[place[group] + within] = _as(chunk, ordered.dtype)
    place[group[begins]] += sizes


def _in_partitions(ordered: Records, cut: GroupCut, scratch: Scratch) -> Iterator[Records]:
    """See `GroupCut`."""
    done, partition = cut.bytes_before, 0
    for start, stop in scratch.spans(len(ordered), 2 * ordered.itemsize):
        part = np.array(ordered[start:stop])
        stops = done + np.cumsum(part["size"])
        is_first = part["first"] == part["row"]
        of_firsts = (stops - part["size"])[is_first] // cut.share_bytes
        part["partition"] = np.concatenate([[partition], of_firsts])[np.cumsum(is_first)]
        done, partition = int(stops[-1]), int(part["partition"][-1])
        yield part


def by_partition(
    placed: Iterable[Records], partitions: range, carried: np.dtype[np.void] = NOTHING
) -> Iterator[Records]:
    """The members of the groups that each of these partitions makes; `placed` is in their order."""
    number, own = partitions.start, list[Records]()
    for part in placed:
        cuts = np.searchsorted(part["partition"], np.arange(number, int(part["partition"][-1]) + 2))
        for start, stop in pairwise(cuts[:-1].tolist()):
            yield np.concatenate([*own, part[start:stop]])
            number, own = number + 1, []
        own.append(part[cuts[-2] :])
    while number < partitions.stop:
        yield np.concatenate(own) if own else np.empty(0, placed_kind(carried))
        number, own = number + 1, []


def member_table(members: Records, firsts: Numbers) -> pa.Table:
    """The decision about a partition that makes the groups with these members.

    Args:
        firsts: see `summaries.first_rows`.
    """
    partition = np.searchsorted(firsts, members["row"], side="right") - 1
    return pa.table(
        {
            MEMBER_PARTITION: pa.array(partition.astype(np.int32)),
            MEMBER_ROW: pa.array((members["row"] - firsts[partition]).astype(np.int32)),
            IS_FIRST: pa.array(members["first"] == members["row"]),
        }
    )


def _fields(kind: np.dtype[np.void]) -> list[tuple[str, np.dtype[Any]]]:
    return [(name, kind[name]) for name in kind.names or ()]


def _as(records: Records, kind: np.dtype[np.void]) -> Records:
    """The fields that both kinds have; the others are 0."""
    found = np.zeros(len(records), kind)
    for name in set(kind.names or ()) & set(records.dtype.names or ()):
        found[name] = records[name]
    return found
