"""Keeps rows that are drawn at random, the same ones in every run with the same seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import xxhash

from data_juicer.kernels.mixing import mixed
from data_juicer.ops.dataset.ranks.digits import Words
from data_juicer.ops.dataset.ranks.selectors import RankSelector
from data_juicer.ops.dataset.selection import check_number, check_share, how_many

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class RandomSelector(RankSelector):
    """Random sampling: keeps a number or share of rows, drawn from the job's `seed` (42) and the row numbers before this operator.

    With both `select_ratio` and `select_num` the smaller one counts; with neither every row is kept.

    Args:
        select_ratio: the share of rows that is kept, rounded down.
        select_num: how many rows are kept.
    """

    name: ClassVar[str] = "random_selector"
    version: ClassVar[int | str] = 2
    draws: ClassVar[bool] = True

    def __init__(self, select_ratio: float | None = None, select_num: int | None = None) -> None:
        """Raises: ValueError."""
        check_share("select_ratio", select_ratio)
        check_number("select_num", select_num)
        self.select_ratio = select_ratio
        self.select_num = select_num

    def summarise(self, batch: Batch) -> pa.Table:
        return pa.table({"row": pa.array(np.zeros(len(batch), np.bool_))})

    def ranks(self, rows: int) -> tuple[int, int]:
        return 0, how_many(rows, self.select_ratio, self.select_num)

    def words(self, summary: pa.Table, first: int) -> Words:
        """The number of each row and the seed, mixed."""
        seed = np.uint64(xxhash.xxh3_64_intdigest(str(self.seed).encode()))
        return mixed(np.arange(first, first + summary.num_rows, dtype=np.uint64) + seed)
