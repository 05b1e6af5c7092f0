"""Stats of filters: rows of dicts as columns, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from data_juicer.rows import json_values


def stats_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, pa.Array]:
    """Stats by name, one array each. Where the rows of a batch do not share one type, each keeps its raw JSON."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _stats_column([row.get(name) for row in rows]) for name in names}


def _stats_column(column: list[Any]) -> pa.Array:
    plain = [item.tolist() if hasattr(item, "tolist") else item for item in column]
    kinds = {type(item) for item in plain if item is not None}
    if len(kinds) <= 1 and kinds <= {int, float, str, bool, list}:
        try:
            return pa.array(plain)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):  # lists of several types, huge numbers
            pass
    return pa.array([json_values.encode(item) for item in plain], pa.large_binary())


def stats_rows(stats: Mapping[str, pa.Array]) -> list[dict[str, Any]]:
    """Stats row by row."""
    columns = {name: json_values.stat_values(column) for name, column in stats.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
