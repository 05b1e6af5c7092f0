"""Arrow values as raw JSON, so that operators see the fields of a Parquet row as they see those of a JSON line. Pure.

Dates and times become ISO 8601, durations seconds, decimals strings, binary base64; NaN and infinity, which JSON lacks, null.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import json
import math
from typing import Any

import pyarrow as pa


def raw_values(column: pa.Array | pa.ChunkedArray) -> list[bytes]:
    """Each value of a column as raw JSON; an Arrow null is a JSON null."""
    return [_raw(value) for value in column.to_pylist()]


def _raw(value: Any) -> bytes:
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _plain(value: Any) -> Any:
    match value:
        case str() | bool() | int() | None:
            return value
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: _plain(member) for key, member in value.items()}
        case list():
            return [_plain(item) for item in value]
        case tuple():  # an entry of a map
            return [_plain(item) for item in value]
        case bytes():
            return base64.b64encode(value).decode()
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta():
            return value.total_seconds()
        case decimal.Decimal():
            return str(value)
    return str(value)
