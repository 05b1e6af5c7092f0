"""The summaries of all partitions, as `resolve` sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

Numbers = npt.NDArray[np.int64]
"""Numbers of rows, counted over all partitions in the order of the input."""

ROW_BYTES: Final = "__row_bytes__"
"""Column that summaries have beside those of an operator that collects whole rows: the bytes of each."""


class Summaries(Protocol):
    """The partitions' tables in the order of the input, as often as wanted; those of known rows come before them."""

    @property
    def rows(self) -> Sequence[int]:
        """Rows of each table."""

    @property
    def known(self) -> int:
        """How many of the first tables hold known rows, which an index has of earlier jobs: they always stay, and nothing is
        decided about them.
        """

    def __iter__(self) -> Iterator[pa.Table]: ...


def first_rows(summaries: Summaries) -> Numbers:
    """The number of each partition's first row and, last, that of all rows: shape (partitions + 1,)."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.asarray(summaries.rows, np.int64))])


def own_rows_begin(summaries: Summaries) -> int:
    """The number of the first row that is decided about: those before it are known ones."""
    return sum(summaries.rows[: summaries.known])


def row_count(summaries: Summaries) -> int:
    return sum(summaries.rows)


def numbered(summaries: Summaries) -> Iterator[tuple[int, pa.Table]]:
    """Each table with the number of its first row."""
    first = 0
    for table in summaries:
        yield first, table
        first += table.num_rows
