"""Rows from memory, for tests of operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.rows import json_values
from data_juicer.rows.batch import Batch
from data_juicer.rows.place import Place


class DictRows:
    """A `RowSource` over dicts. Every field named in `text_keys` must hold a string in every row."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], text_keys: Sequence[str] = ("text",)) -> None:
        self._rows = [{key: json_values.encode(value) for key, value in row.items()} for row in rows]
        self._texts = {
            key: pa.array([self._string(row, key) for row in self._rows], pa.large_string())
            for key in text_keys
        }

    @staticmethod
    def _string(row: Mapping[str, bytes], key: str) -> str:
        raw = json_values.get(row, key)
        text = None if raw is None else json_values.decode(raw)
        if not isinstance(text, str):
            raise TypeError(f"field {key!r} must hold a string, found {text!r}")
        return text

    def text(self, key: str) -> pa.Array:
        return self._texts[key]

    def fields(self, origin: int) -> dict[str, bytes]:
        return dict(self._rows[origin])

    def field(self, key: str) -> pa.Array:
        return pa.array([json_values.get(row, key) for row in self._rows], pa.large_binary())

    def may_hold(self, key: str) -> bool:
        return any(key in row for row in self._rows)

    def row_bytes(self) -> npt.NDArray[np.int64]:
        return np.array([sum(map(len, row.values())) for row in self._rows], np.int64)

    def row_ids(self) -> npt.NDArray[np.uint64]:
        return np.arange(len(self._rows), dtype=np.uint64)

    def numbers(self) -> npt.NDArray[np.int64]:
        return np.arange(len(self._rows), dtype=np.int64)

    def place(self, origin: int) -> Place:
        return Place(row=origin, line=origin)

    def raw(self, origin: int) -> bytes:
        return json_values.join_object(self._rows[origin])


def batch_of(rows: Sequence[Mapping[str, Any]], text_keys: Sequence[str] = ("text",)) -> Batch:
    """A batch of these rows, untouched."""
    return Batch.of(DictRows(rows, text_keys), len(rows))
