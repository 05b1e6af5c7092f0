"""Decision tables of operators that remove rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.ops.dataset.summaries import Numbers, Summaries, first_rows

KEEP: Final = "keep"
KEPT_PARTITION: Final = "kept_partition"
"""Position in the input of the partition that holds the row which stays in place of this one; null for rows that stay.

Negative where that is a known row: -1 for one in the last table of those."""
KEPT_ROW: Final = "kept_row"
"""The number of that row in its partition."""
SIMILARITY: Final = "similarity"


def duplicates(
    summaries: Summaries, kept: Numbers, similarity: npt.NDArray[np.float32] | None = None
) -> Iterator[pa.Table]:
    """Decisions that keep the first row of each set of equals.

    Args:
        kept: for each row the number of the row that stays for it, its own if it stays; shape (all rows,).
        similarity: of each row to that one; None: they are equal.
    """
    firsts, known = first_rows(summaries), summaries.known
    for start, stop in pairwise(firsts[known:].tolist()):
        alike = None if similarity is None else np.asarray(similarity[start:stop])
        yield duplicate_rows(firsts, start, np.asarray(kept[start:stop]), alike, known)


def duplicate_rows(
    firsts: Numbers, start: int, kept: Numbers, similarity: npt.NDArray[np.float32] | None, known: int = 0
) -> pa.Table:
    """The same of one partition.

    Args:
        firsts: see `summaries.first_rows`.
        start: the number of its first row.
        known: see `summaries.Summaries.known`.
    """
    keep = kept == np.arange(start, start + len(kept))
    table = np.searchsorted(firsts, kept, side="right") - 1
    alike = np.ones(len(kept), np.float32) if similarity is None else similarity
    return pa.table(
        {
            KEEP: pa.array(keep),
            KEPT_PARTITION: pa.array((table - known).astype(np.int32), mask=keep),
            KEPT_ROW: pa.array((kept - firsts[table]).astype(np.int32), mask=keep),
            SIMILARITY: pa.array(alike, mask=keep),
        }
    )


def selection(summaries: Summaries, keep: npt.NDArray[np.bool_]) -> Iterator[pa.Table]:
    """Decisions that keep the rows where `keep`, shape (all rows,), is true."""
    firsts = first_rows(summaries)
    for start, stop in pairwise(firsts):
        yield pa.table({KEEP: pa.array(np.asarray(keep[start:stop]))})
