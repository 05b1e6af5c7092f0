"""What selectors share: how many rows a share or a number means, and the fields that they order rows by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pyarrow as pa

from data_juicer.errors import OperatorError
from data_juicer.ops.base import Kind, RowRemover
from data_juicer.ops.dataset.decisions import KEEP
from data_juicer.rows import json_values
from data_juicer.rows.batch import STATS_FIELD
from data_juicer.utils.common_utils import number_of

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class Selector(RowRemover):
    """Keeps rows that all rows together decide about; they stay in the order of the input."""

    kind: ClassVar[Kind] = "selector"
    ledger_outcome: ClassVar[Literal["duplicate", "filtered"]] = "filtered"

    def text_keys_read(self) -> tuple[str, ...]:
        return ()


class TopSelector(Selector):
    """Keeps the first of an order that a field puts rows in, a share or a number of them; with both the smaller one counts."""

    def __init__(
        self,
        field_key: str = "",
        top_ratio: float | None = None,
        topk: int | None = None,
        reverse: bool = True,
    ) -> None:
        """Raises: ValueError."""
        check_share("top_ratio", top_ratio)
        check_number("topk", topk)
        self.field_key = field_key
        self.top_ratio = top_ratio
        self.topk = topk
        self.reverse = reverse

    @property
    def keeps_all(self) -> bool:
        """Whether there is nothing to decide by."""
        return not self.field_key or (self.top_ratio is None and self.topk is None)

    def how_many(self, of: int) -> int:
        return how_many(of, self.top_ratio, self.topk)


def check_share(name: str, share: float | None) -> None:
    """Raises: ValueError: it is no share."""
    if share is not None and not 0 <= share <= 1:
        raise ValueError(f"{name} = {share}: a share lies between 0 and 1")


def check_number(name: str, number: int | None) -> None:
    """Raises: ValueError: it is negative."""
    if number is not None and number < 0:
        raise ValueError(f"{name} = {number}: must be at least 0")


def how_many(of: int, share: float | None, number: int | None) -> int:
    """The smaller of a share, rounded down, and a number; all of them where neither is given."""
    wanted = [of]
    if share is not None:
        wanted.append(int(of * share))
    if number is not None:
        wanted.append(number)
    return min(wanted)


def column_of(batch: Batch, key: str) -> list[object]:
    """The field `key`, or the stat `__dj__stats__.NAME` of a filter before, of each row; None where there is none."""
    head, _, stat = key.partition(".")
    if head == STATS_FIELD and stat in batch.stats:
        return [json_values.stat_value(scalar) for scalar in batch.stats[stat]]
    return [None if value is json_values.MISSING else value for value in batch.column(key)]


def numbers_of(batch: Batch, key: str) -> pa.Array:
    """The same as numbers (`utils/common_utils.py`): float64, null where there is something else or nothing."""
    return pa.array([number_of(value) for value in column_of(batch, key)], pa.float64())


def need_field(rows: int, valued: int, key: str) -> None:
    """
    Args:
        valued: how many of so many rows have a value that counts in the field; or how many values there are.
    Raises: OperatorError: none, so that the name is wrong.
    """
    if rows and not valued:
        raise OperatorError(f"no row has a value to select by in the field {key!r} (field_key).")


def keep_all(rows: Sequence[int]) -> Iterator[pa.Table]:
    return (pa.table({KEEP: pa.array(np.ones(count, np.bool_))}) for count in rows)
