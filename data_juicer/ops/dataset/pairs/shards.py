"""The steps of a resolve by pairs, each for a part of all keys or rows: meet, compare, join, decide.

    meet      some keys of all rows        ->  pairs that meet, spread by groups of rows
    compare   the pairs of a group         ->  those that are alike
    join      all alike pairs              ->  rows that do not stay, each with the one that does; spread by groups of rows
    decide    those of a group             ->  decisions about its rows

A group is a range of rows; that of a pair is the one of its later row. The steps find what `PairRemover.resolve` finds, whatever
the parts are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.ops.dataset.decisions import duplicate_rows
from data_juicer.ops.dataset.distinct import distinct
from data_juicer.ops.dataset.key_share import KeyShare
from data_juicer.ops.dataset.pairs.clusters import PAIR, distinct_pairs, pairs_of, with_own_rows
from data_juicer.ops.dataset.pairs.components import components
from data_juicer.ops.dataset.pairs.remover import PairRemover
from data_juicer.ops.dataset.scratch import BUCKETS_MAX, Buckets, Records, Scratch
from data_juicer.ops.dataset.summaries import Numbers, Summaries, first_rows

_ROW = np.dtype("<i8")


class RowSummaries(Summaries, Protocol):
    """Summaries of which single rows can be had."""

    def take(self, rows: Numbers, values: Callable[[pa.Table], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """What `values` gives of the summaries of these rows, which are numbered over all partitions, in their order.

        Args:
            values: summary of a partition -> one value a row.
        """


def meet(
    operator: PairRemover,
    summaries: Summaries,
    scratch: Scratch,
    keys: Iterable[tuple[int, KeyShare]],
    bounds: Numbers,
) -> Iterator[tuple[int, Records]]:
    """Pairs of rows that meet, as chunks, each with the group that it is of, groups rising.

    Args:
        keys: which of a row's keys, and which values of it.
        bounds: the number of each group's first row and, last, that of all rows; rows before the first group are known ones.
    """
    spread = Buckets(scratch, PAIR, count=len(bounds) - 1)
    for number, share in keys:
        for pairs in operator.pairs(summaries, scratch, number, share):
            own = with_own_rows(pairs, int(bounds[0]))
            spread.add(_group_of(own, bounds), own)
    for group, bucket in enumerate(spread):
        for chunk in bucket:
            yield group, distinct_pairs(chunk)


def _group_of(pairs: Records, bounds: Numbers) -> npt.NDArray[np.int64]:
    return np.searchsorted(bounds, pairs["other"], side="right") - 1


def compare(
    operator: PairRemover, summaries: RowSummaries, scratch: Scratch, pairs: Iterable[Records]
) -> Iterator[Records]:
    """The pairs that are alike."""
    for each_once in _distinct(pairs, scratch):
        for start, stop in scratch.spans(len(each_once), 4 * operator.sketch_bytes):
            part = each_once[start:stop]
            yield part[_similarity(operator, summaries, part) >= operator.least]


def _distinct(pairs: Iterable[Records], scratch: Scratch) -> Iterator[Records]:
    """Each pair once, but for what memory has no room for."""
    chunks, chunk_bytes = [np.empty(0, PAIR)], 0
    for chunk in pairs:
        chunks.append(chunk)
        chunk_bytes += chunk.nbytes
        if chunk_bytes > scratch.part_bytes:
            yield distinct_pairs(np.concatenate(chunks))
            chunks, chunk_bytes = [np.empty(0, PAIR)], 0
    yield distinct_pairs(np.concatenate(chunks))


def _similarity(operator: PairRemover, summaries: RowSummaries, pairs: Records) -> npt.NDArray[np.float32]:
    one = summaries.take(pairs["one"], operator.sketches)
    return operator.similarity(one, summaries.take(pairs["other"], operator.sketches))


def join(
    operator: PairRemover,
    summaries: RowSummaries,
    scratch: Scratch,
    edges: Callable[[], Iterable[Records]],
    edge_count: int,
    bounds: Numbers,
) -> Iterator[tuple[int, Records]]:
    """Rows that do not stay (`other`), each with the one that does, as chunks, each with its group, groups and rows rising.

    Args:
        edges: all pairs that are alike, in chunks.
        edge_count: how many those are.
    """
    rows = _rows_of(edges, edge_count, int(bounds[-1]), scratch)
    pairs_out = Buckets(scratch, PAIR, count=1)
    for chunk in edges():
        placed = pairs_of(np.searchsorted(rows, chunk["one"]), np.searchsorted(rows, chunk["other"]))
        pairs_out.add(np.zeros(len(chunk), np.int64), placed)
    ranks = _ranks(operator, summaries, rows, scratch) if operator.has_ranks else None
    stays = components(_Again(lambda: pairs_out.chunks(0)), len(rows), scratch, ranks)
    for start, stop in scratch.spans(len(rows), 64):
        own = np.arange(start, stop)
        moved = np.flatnonzero(np.asarray(stays[start:stop]) != own)
        pairs = np.empty(len(moved), PAIR)
        pairs["one"], pairs["other"] = rows[stays[start:stop][moved]], rows[own[moved]]
        yield from _by_group(with_own_rows(pairs, int(bounds[0])), bounds)


def _rows_of(edges: Callable[[], Iterable[Records]], edge_count: int, rows: int, scratch: Scratch) -> Records:
    """The rows that are in some pair, each once, rising."""
    spread = Buckets(scratch, _ROW, 2 * edge_count)
    for chunk in edges():
        ends = distinct(np.concatenate([chunk["one"], chunk["other"]]))
        spread.add(ends * spread.count // max(1, rows), ends)
    found, count = scratch.zeros(2 * edge_count, _ROW), 0
    for bucket in spread:
        own = np.empty(0, _ROW)
        for ends in bucket:
            own = distinct(np.concatenate([own, ends]))
        found[count : count + len(own)] = own
        count += len(own)
    return found[:count]


def _ranks(operator: PairRemover, summaries: RowSummaries, rows: Records, scratch: Scratch) -> Numbers:
    ranks: Numbers = scratch.zeros(len(rows), np.int64)
    for start, stop in scratch.spans(len(rows), 64):
        ranks[start:stop] = summaries.take(np.asarray(rows[start:stop]), operator.ranks)
    return ranks


class _Again:
    """What can be gone through as often as wanted."""

    def __init__(self, chunks: Callable[[], Iterator[Records]]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[Records]:
        return self._chunks()


def _by_group(pairs: Records, bounds: Numbers) -> Iterator[tuple[int, Records]]:
    groups = _group_of(pairs, bounds)
    cuts = [0, *(np.flatnonzero(np.diff(groups)) + 1).tolist(), len(pairs)]
    for start, stop in pairwise(cuts):
        if start < stop:
            yield int(groups[start]), pairs[start:stop]


def decide(
    operator: PairRemover,
    summaries: RowSummaries,
    scratch: Scratch,
    moved: Records,
    partitions: range,
    origins: Callable[[pa.Table], npt.NDArray[Any]],
) -> Iterator[tuple[pa.Table, npt.NDArray[np.int32], npt.NDArray[np.int32]]]:
    """Decisions about the rows of each of some partitions, with the source rows of them and of those that stay for them.

    Args:
        moved: rows of these partitions that do not stay, rising, each with the one that does.
        partitions: by the positions of their tables.
        origins: summary -> the source row of each row.
    """
    firsts = first_rows(summaries)
    alike = np.ones(len(moved), np.float32)
    if operator.sketch_bytes:
        for start, stop in scratch.spans(len(moved), 4 * operator.sketch_bytes):
            alike[start:stop] = _similarity(operator, summaries, moved[start:stop])
    for position in partitions:
        start, stop = int(firsts[position]), int(firsts[position + 1])
        low, high = np.searchsorted(moved["other"], [start, stop])
        own, kept = moved["other"][low:high] - start, np.arange(start, stop)
        kept[own] = moved["one"][low:high]
        similarity = np.zeros(stop - start, np.float32)
        similarity[own] = alike[low:high]
        source = summaries.take(np.arange(start, stop), origins)
        kept_source = source.copy()
        kept_source[own] = summaries.take(kept[own], origins)
        scratch.heartbeat()
        table = duplicate_rows(
            firsts, start, kept, similarity if operator.sketch_bytes else None, summaries.known
        )
        yield table, source.astype(np.int32), kept_source.astype(np.int32)


def plan_keys(passes: int, shards: int) -> list[list[tuple[int, int, int]]]:
    """What each shard of the step `meet` looks at: a key of a row, and one of so many shares of its values.

    Args:
        passes: how many keys a row has.
        shards: how many shards there are to be; fewer where there is less to share out.
    """
    shares = -(-shards // max(1, passes))
    units = [(number, share, shares) for number in range(passes) for share in range(shares)]
    return [units[shard::shards] for shard in range(min(shards, len(units)))]


def plan_groups(rows: Sequence[int], group_rows: int) -> list[int]:
    """Where groups of whole partitions end: positions of their first partitions and, last, the number of partitions.

    Args:
        rows: of each partition.
        group_rows: about how many a group is to have.
    """
    total, bounds, group_total = sum(rows), [0], 0
    group_rows = max(group_rows, -(-total // BUCKETS_MAX))
    for position, count in enumerate(rows):
        if group_total and group_total + count > group_rows:
            bounds.append(position)
            group_total = 0
        group_total += count
    return [*bounds, len(rows)] if len(rows) else [0, 0]
