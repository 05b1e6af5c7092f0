"""Mappers of records rather than of texts: some fields of one row at a time, as Python values."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from data_juicer.ops.base import Mapper
from data_juicer.rows import json_values
from data_juicer.rows.batch import META_FIELD, STATS_FIELD

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class RowMapper(Mapper):
    """Reads and writes declared fields; a field that a row lacks is not in the dict, or null where that is shorter."""

    def text_keys_read(self) -> tuple[str, ...]:
        return ()  # fields are read as they are; whether they are strings is looked at row by row

    def measures(self) -> bool:
        return META_FIELD in self.fields_written()

    @abstractmethod
    def fields_read(self) -> tuple[str, ...]:
        """Names of the fields that `map_row` is given; STATS_FIELD stands for the stats of filters before."""

    @abstractmethod
    def fields_written(self) -> tuple[str, ...]:
        """Names of the fields that `map_row` may set."""

    @abstractmethod
    def map_row(self, row: dict[str, Any]) -> None:
        """Set fields of one row, in place."""

    def process(self, batch: Batch) -> Batch:
        rows = rows_of(batch, (*self.fields_read(), *self.fields_written()))
        for row in rows:
            self.map_row(row)
        for key in self.fields_written():
            batch = batch.with_column(key, [row.get(key, json_values.MISSING) for row in rows])
        return batch


def rows_of(batch: Batch, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """These fields of every row, decoded anew, so that a row may be changed in place."""
    rows: list[dict[str, Any]] = [{} for _ in range(len(batch))]
    for key in dict.fromkeys(keys):
        for row, value in zip(rows, batch.column(key), strict=True):
            if value is not json_values.MISSING:
                row[key] = value
    if STATS_FIELD in keys and batch.stats:
        for index, row in enumerate(rows):
            row[STATS_FIELD] = {**(row.get(STATS_FIELD) or {}), **batch.row_stats(index)}
    return rows


def meta_of(row: dict[str, Any]) -> dict[str, Any]:
    """The tags of a row under META_FIELD, made where the row has none."""
    if not isinstance(row.get(META_FIELD), dict):
        row[META_FIELD] = {}
    meta: dict[str, Any] = row[META_FIELD]
    return meta
