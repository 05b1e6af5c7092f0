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
    if _has_nanoseconds(column.type):
        return [_raw(_exact(scalar)) for scalar in column]
    return [_raw(value) for value in column.to_pylist()]


def _has_nanoseconds(kind: pa.DataType) -> bool:
    if getattr(kind, "unit", None) == "ns":
        return True
    if pa.types.is_dictionary(kind):
        return _has_nanoseconds(kind.value_type)
    return any(_has_nanoseconds(kind.field(number).type) for number in range(kind.num_fields))


def _exact(scalar: Any) -> Any:
    """The value of a scalar, times within it to the nanosecond, for which Python has no values."""
    kind = scalar.type
    if not scalar.is_valid:
        return None
    if pa.types.is_dictionary(kind):
        return _exact(scalar.value)
    if pa.types.is_struct(kind):
        return {name: _exact(member) for name, member in scalar.items()}
    if pa.types.is_map(kind):
        return [list(_exact(entry).values()) for entry in scalar.values]
    if pa.types.is_nested(kind):
        return [_exact(item) for item in scalar.values]
    return _time(scalar) if getattr(kind, "unit", None) == "ns" else scalar.as_py()


def _time(scalar: Any) -> Any:
    """A time, or as text one that lies between two microseconds."""
    kind, (microseconds, rest) = scalar.type, divmod(scalar.value, 1000)
    if pa.types.is_duration(kind):
        return scalar.value / 1e9
    is_time = pa.types.is_time(kind)
    value = pa.scalar(microseconds, pa.time64("us") if is_time else pa.timestamp("us", kind.tz)).as_py()
    if not rest:
        return value
    head, dot, tail = value.isoformat(timespec="microseconds").partition(".")
    return f"{head}{dot}{tail[:6]}{rest:03d}{tail[6:]}"


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
