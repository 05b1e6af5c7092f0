"""Mappers that run a function of the user's over whole rows, as DataJuicer gives it: dicts, or a dict of lists."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from data_juicer.ops.base import Mapper
from data_juicer.ops.bases.returned_lists import returned_lists
from data_juicer.rows import json_values
from data_juicer.rows.batch import STATS_FIELD

if TYPE_CHECKING:
    from data_juicer.ops.context import OperatorContext
    from data_juicer.rows.batch import Batch

Row = dict[str, Any]


class FunctionMapper(Mapper):
    """Sets the fields that the function returns; fields that it does not return stay, as do those it returns unchanged.

    Stats of filters are given under STATS_FIELD and not written.
    """

    def __init__(self, *, batched: bool) -> None:
        self.batched = batched
        self._function: Callable[[Any], Any] = lambda rows: rows

    @abstractmethod
    def load(self) -> Callable[[Any], Any] | None:
        """The function; None leaves every row as it is.

        Raises: OperatorError: there is none.
        """

    def text_keys_read(self) -> tuple[str, ...]:
        return ()

    def measures(self) -> bool:
        return True  # it may write tags

    def prepare(self, context: OperatorContext | None = None) -> None:
        self._function = self.load() or self._function

    def process(self, batch: Batch) -> Batch:
        raw = [batch.raw_row(row) for row in range(len(batch))]
        given = [{key: json_values.decode(value) for key, value in fields.items()} for fields in raw]
        if batch.stats:
            for row, fields in enumerate(given):
                fields[STATS_FIELD] = {**(fields.get(STATS_FIELD) or {}), **batch.row_stats(row)}
        results = (
            self._over_lists(given) if self.batched else [self._checked(self._function(row)) for row in given]
        )
        return _with_results(batch, raw, results)

    def _over_lists(self, rows: list[Row]) -> list[Row]:
        keys = list(dict.fromkeys(key for row in rows for key in row))
        lists = {key: [row.get(key) for row in rows] for key in keys}
        result = returned_lists(f"{self.name}: the function", self._function(lists))
        for key, column in result.items():
            if len(column) != len(rows):
                raise ValueError(
                    f"{self.name}: field {key!r} came back with {len(column)} values for {len(rows)} rows;"
                    " a mapper's function must keep the number of rows"
                )
        return [{key: column[row] for key, column in result.items()} for row in range(len(rows))]

    def _checked(self, result: Any) -> Row:
        if not isinstance(result, dict):
            raise ValueError(  # noqa: TRY004 - the row is to blame as much
                f"{self.name}: the function must return a dict, it returned {type(result).__name__}"
            )
        return result


def _with_results(batch: Batch, raw: list[dict[str, bytes]], results: list[Row]) -> Batch:
    keys = dict.fromkeys(key for result in results for key in result if key != STATS_FIELD)
    for key in keys:
        before = [fields.get(key) for fields in raw]
        after = [_written(old, key, result) for old, result in zip(before, results, strict=True)]
        if after != before:
            batch = batch.with_raw(key, pa.array(after, pa.large_binary()))
    return batch


def _written(before: bytes | None, key: str, result: Row) -> bytes | None:
    """The raw value of a field: as it was where the function did not change it, so that 1e5 does not become 100000.0."""
    if key not in result or (before is None and result[key] is None):
        return before
    after = json_values.encode_field(key, result[key])
    unchanged = before is not None and (
        before == after or json_values.encode(json_values.decode(before)) == after
    )
    return before if unchanged else after
