"""Makes many rows of one whose fields are lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from data_juicer.ops.base import Kind, Mapper
from data_juicer.rows import json_values
from data_juicer.rows.batch import STATS_FIELD, Batch
from data_juicer.rows.generated import own_rows
from data_juicer.rows.stats import stats_columns
from data_juicer.utils.constant import Fields


class NaiveReverseGrouper(Mapper):
    """Ungrouping (explode): makes as many rows of a row as its lists are long, one from each position of the lists.

    It undoes a grouper. No other row has to be known for it, so it is not a dataset operator. Values that are no lists go into each of the
    rows; what aggregators wrote to `__dj__batch_meta__` goes.

    Args:
        batch_meta_export_path: must be left out. DataJuicer writes `__dj__batch_meta__` there; a file beside the result is
            no part of any checkpoint, and could lack or repeat lines. Export the rows before this operator instead.
    """

    name: ClassVar[str] = "naive_reverse_grouper"
    kind: ClassVar[Kind] = "grouper"

    def __init__(self, batch_meta_export_path: str | None = None) -> None:
        """Raises: ValueError: a path is given."""
        if batch_meta_export_path is not None:
            raise ValueError(
                f"batch_meta_export_path = {batch_meta_export_path}: a file beside the result would not be exact after a "
                "crash; export the rows as they are before this operator, which hold __dj__batch_meta__"
            )

    def text_keys_read(self) -> tuple[str, ...]:
        return ()

    def process(self, batch: Batch) -> Batch:
        """Raises: ValueError: a row has no list, or lists of several lengths."""
        members = [member for row in range(len(batch)) for member in _members(batch.raw_row(row))]
        made = own_rows(batch.source, [_without_figures(member) for member in members])
        row_stats = [json_values.decode(member.get(STATS_FIELD, b"null")) or {} for member in members]
        return made.with_stats(stats_columns(row_stats)) if any(row_stats) else made


def _members(row: Mapping[str, bytes]) -> Iterator[dict[str, bytes]]:
    fields = {name: raw for name, raw in row.items() if name != Fields.batch_meta}
    lists = {name: json_values.raw_list(raw) for name, raw in fields.items() if raw.lstrip().startswith(b"[")}
    lengths = {len(values) for values in lists.values()}
    if len(lengths) != 1:
        found = f"lists of {sorted(lengths)} values" if lengths else "no list"
        raise ValueError(f"a row of a grouper has lists of one length in its fields, found {found}")
    for number in range(lengths.pop()):
        yield {name: lists[name][number] if name in lists else raw for name, raw in fields.items()}


def _without_figures(member: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: raw for name, raw in member.items() if name != STATS_FIELD}
