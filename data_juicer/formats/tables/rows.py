"""Rows of a table: they keep their Arrow values until an operator asks for JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from data_juicer.formats.base import SOURCE_SHIFT_BITS, Fragment
from data_juicer.formats.tables.arrow_json import raw_values
from data_juicer.rows import json_values
from data_juicer.rows.field_columns import completed
from data_juicer.rows.place import Place


class TableRows:
    """The good rows of one fragment as an Arrow table. A `RowSource`."""

    def __init__(
        self, table: pa.Table, texts: dict[str, pa.Array], good: npt.NDArray[Any], fragment: Fragment
    ) -> None:
        self.table = table
        self._texts = texts
        self._good = good
        self._fragment = fragment
        self._raw: dict[str, list[bytes]] = {}

    def __len__(self) -> int:
        rows: int = self.table.num_rows
        return rows

    def text(self, key: str) -> pa.Array:
        return self._texts[key]

    def fields(self, origin: int) -> dict[str, bytes]:
        return {name: self._raw_column(name)[origin] for name in self.table.column_names}

    def field(self, key: str) -> pa.Array:
        column = find_column(self.table, key)
        raw = [None] * len(self) if column is None else self._raw_column(key)
        return completed(pa.array(raw, pa.large_binary()), key, self._fragment.suffix)

    def _raw_column(self, key: str) -> list[bytes]:
        if key not in self._raw:
            self._raw[key] = raw_values(find_column(self.table, key))
        return self._raw[key]

    def may_hold(self, key: str) -> bool:
        return find_column(self.table, key) is not None

    def row_bytes(self) -> npt.NDArray[np.int64]:
        """Texts and bytes by their length, other columns by their mean."""
        sizes = np.zeros(len(self), np.int64)
        for column in self.table.columns:
            if (
                pa.types.is_large_string(column.type)
                or pa.types.is_string(column.type)
                or pa.types.is_large_binary(column.type)
                or pa.types.is_binary(column.type)
            ):
                sizes += pc.fill_null(pc.binary_length(column), 0).to_numpy()
            else:
                sizes += column.nbytes // max(1, len(self))
        return sizes

    def row_ids(self) -> npt.NDArray[np.uint64]:
        first = (self._fragment.source << SOURCE_SHIFT_BITS) + self._fragment.row_start
        return (self._good + first).astype(np.uint64)

    def numbers(self) -> npt.NDArray[np.int64]:
        return self._good.astype(np.int64)

    def place(self, origin: int) -> Place:
        return Place(row=int(self._good[origin]))

    def raw(self, origin: int) -> bytes:
        return json_values.join_object(self.fields(origin))


def find_column(table: pa.Table, key: str) -> pa.ChunkedArray | None:
    """The column `key`; `a.b` reaches into the struct column `a` where the table has no column of that name."""
    if key in table.column_names:
        return table[key]
    head, dot, rest = key.partition(".")
    if not dot or head not in table.column_names or not pa.types.is_struct(table.schema.field(head).type):
        return None
    inner = pa.Table.from_arrays(
        table[head].flatten(), [field.name for field in table.schema.field(head).type]
    )
    return find_column(inner, rest)


def find_type(schema: pa.Schema, key: str) -> pa.DataType | None:
    """The type of the column that `find_column` finds."""
    if key in schema.names:
        return schema.field(key).type
    head, dot, rest = key.partition(".")
    if not dot or head not in schema.names or not pa.types.is_struct(schema.field(head).type):
        return None
    return find_type(pa.schema(list(schema.field(head).type)), rest)


def is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
