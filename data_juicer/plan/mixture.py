"""Mixtures: how many rows of each input are taken, and which. Pure.

Whether a row is taken follows from its place in the input and the job's seed alone, so that partitions, backends and resumes do not
matter: of an input with N rows the n rows are taken whose mixed row ids are the smallest. Where more rows are asked for than there
are, each is taken as often as they go, and the rest is drawn among them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from data_juicer.formats.base import SOURCE_SHIFT_BITS, Fragment, ReadRows, SourceFile
from data_juicer.kernels.mixing import mixed
from data_juicer.plan.partitions import PartitionSpec, RowSample

Keys = npt.NDArray[np.uint64]

_TOP_BITS: Final = 16
_CHUNK_ROWS: Final = 1 << 22


def sample_counts(
    weights: Sequence[float], rows: Sequence[int], max_sample_num: int | None
) -> tuple[int, ...]:
    """How many rows are taken of each input.

    With `max_sample_num` so many in all, shared by the weights as DataJuicer shares them: each input gets its part rounded up, until none
    is left. Without it each input gives this share of its rows, rounded up.

    Args:
        weights: of at least 0, not all 0; shape (inputs,).
        rows: that each input has; an input without rows gives none.
    """
    if max_sample_num is None:
        return tuple(math.ceil(count * weight) for count, weight in zip(rows, weights, strict=True))
    total, left, counts = sum(weights), max_sample_num, []
    for count, weight in zip(rows, weights, strict=True):
        taken = min(math.ceil(max_sample_num * (weight / total)), left)
        left -= taken
        counts.append(taken if count else 0)
    return tuple(counts)


def with_mixture(
    partitions: Sequence[PartitionSpec],
    sources: Sequence[SourceFile],
    weights: Sequence[float] | None,
    max_sample_num: int | None,
    seed: int,
) -> tuple[PartitionSpec, ...]:
    """The partitions with the rows that are taken of each.

    Args:
        weights: of the inputs, by `SourceFile.input`; None: every row is taken once.
    """
    if weights is None:
        return tuple(_with_sample(spec, None) for spec in partitions)
    input_of = {source.index: source.input for source in sources}
    parts: list[list[PartitionSpec]] = [[] for _ in weights]
    for spec in partitions:
        parts[input_of[spec.fragment.source]].append(spec)
    rows = [sum(spec.rows for spec in specs) for specs in parts]
    samples = {
        number: _sample(specs, count, taken, seed)
        for number, (specs, count, taken) in enumerate(
            zip(parts, rows, sample_counts(weights, rows, max_sample_num), strict=True)
        )
    }
    return tuple(_with_sample(spec, samples[input_of[spec.fragment.source]]) for spec in partitions)


def sample_rows(rows: ReadRows, partition: PartitionSpec) -> ReadRows:
    """Of the rows that were read those that are taken, in their order, copies beside each other.

    A row that cannot be read and is taken is one dead letter, however often it is taken.
    """
    if partition.sample is None:
        return rows
    row_ids = row_ids_of(partition)
    times = times_taken(partition.sample, row_ids)
    good = times[np.searchsorted(row_ids, rows.batch.row_ids())]
    bad = tuple(row for row in rows.bad if times[row.place.row])
    return msgspec.structs.replace(
        rows,
        batch=rows.batch.take(np.repeat(np.arange(len(good), dtype=np.int32), good)).rebased(),
        bad=bad,
        rows_left_out=int((good == 0).sum()) + len(rows.bad) - len(bad),
        rows_repeated=int(np.maximum(good - 1, 0).sum()),
    )


def times_taken(sample: RowSample, row_ids: Keys) -> npt.NDArray[np.int64]:
    """How often each row is taken, shape (rows,).

    Args:
        row_ids: as a batch gives them.
    """
    return sample.times + (_mixed(row_ids, sample.seed) < np.uint64(sample.below)).astype(np.int64)


def row_ids_of(spec: PartitionSpec) -> Keys:
    """The ids of all rows of a partition, those that cannot be read included, in ascending order."""
    parts = [_row_ids(part.fragment) for part in spec.parts]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _row_ids(fragment: Fragment) -> Keys:
    first = (fragment.source << SOURCE_SHIFT_BITS) + fragment.row_start
    return np.arange(first, first + fragment.rows, dtype=np.uint64)


def _with_sample(spec: PartitionSpec, sample: RowSample | None) -> PartitionSpec:
    return spec if spec.sample == sample else msgspec.structs.replace(spec, sample=sample)


def _sample(specs: Sequence[PartitionSpec], rows: int, taken: int, seed: int) -> RowSample | None:
    """None where every row is taken once."""
    if not rows or taken == rows:
        return None
    times, rest = divmod(taken, rows)
    return RowSample(times=times, below=_bound(specs, rest, seed), seed=seed)


def _bound(specs: Sequence[PartitionSpec], count: int, seed: int) -> int:
    """The smallest bound that so many mixed ids of the rows are below; 0 for none.

    Two passes over the ids, in the memory of a few million of them: the first finds the ids' upper bits, the second the id.
    """
    if not count:
        return 0
    shift = np.uint64(64 - _TOP_BITS)
    histogram = np.zeros(1 << _TOP_BITS, np.int64)
    for keys in _keys(specs, seed):
        histogram += np.bincount((keys >> shift).astype(np.int64), minlength=len(histogram))
    totals = np.cumsum(histogram)
    top = int(np.searchsorted(totals, count))
    within = np.concatenate([keys[keys >> shift == np.uint64(top)] for keys in _keys(specs, seed)])
    place = count - 1 - (int(totals[top - 1]) if top else 0)
    return int(np.partition(within, place)[place]) + 1


def _keys(specs: Iterable[PartitionSpec], seed: int) -> Iterator[Keys]:
    """The mixed ids of all rows, many partitions at once."""
    parts: list[Keys] = []
    rows = 0
    for spec in specs:
        parts.append(row_ids_of(spec))
        rows += spec.rows
        if rows >= _CHUNK_ROWS:
            yield _mixed(np.concatenate(parts), seed)
            parts, rows = [], 0
    if parts:
        yield _mixed(np.concatenate(parts), seed)


def _mixed(row_ids: Keys, seed: int) -> Keys:
    """Different for different rows."""
    return mixed(mixed(row_ids + np.uint64(1)) ^ np.uint64(seed & (2**64 - 1)))
