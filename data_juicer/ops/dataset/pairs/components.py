"""What hangs together: connected components of pairs, by labels that spread until they rest, out of core."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from data_juicer.ops.dataset.scratch import Records, Scratch
from data_juicer.ops.dataset.summaries import Numbers


def components(
    edges: Iterable[Records], count: int, scratch: Scratch, ranks: Numbers | None = None
) -> Records:
    """For each of `count` things the one that stands for all that it hangs together with, shape (count,).

    Args:
        edges: pairs, in chunks; gone through until no label changes.
        ranks: of each thing, shape (count,): the one with the lowest stands for the others, and of these the first; None: the
            first does.
    """
    label = _labels(edges, count, scratch)
    return label if ranks is None else _lowest(label, ranks, scratch)


def _labels(edges: Iterable[Records], count: int, scratch: Scratch) -> Records:
    label = scratch.numbers(count)
    changed = True
    while changed:
        changed = False
        for chunk in edges:
            one, other = label[chunk["one"]], label[chunk["other"]]
            apart = one != other
            if apart.any():
                changed = True
                low, high = np.minimum(one, other)[apart], np.maximum(one, other)[apart]
                np.minimum.at(label, high, low)
        _shorten(label, scratch)
    return label


def _lowest(label: Records, ranks: Numbers, scratch: Scratch) -> Records:
    """The one with the lowest rank, and of these the first, instead of the first."""
    count = len(label)
    lowest, chosen = scratch.zeros(count, np.int64), scratch.zeros(count, np.int64)
    lowest[:], chosen[:] = np.iinfo(np.int64).max, count
    for start, stop in scratch.spans(count, 32):
        np.minimum.at(lowest, label[start:stop], ranks[start:stop])
    for start, stop in scratch.spans(count, 32):
        is_lowest = ranks[start:stop] == lowest[label[start:stop]]
        np.minimum.at(chosen, label[start:stop][is_lowest], np.arange(start, stop)[is_lowest])
    for start, stop in scratch.spans(count, 32):
        label[start:stop] = chosen[label[start:stop]]
    return label


def _shorten(label: Records, scratch: Scratch) -> None:
    """Make every label that of its label, until that is itself."""
    moved = True
    while moved:
        moved = False
        for start, stop in scratch.spans(len(label), 16):
            labels = np.asarray(label[start:stop])
            further = label[labels]
            if not np.array_equal(labels, further):
                moved = True
                label[start:stop] = further
