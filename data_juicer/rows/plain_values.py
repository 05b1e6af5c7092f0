"""Values of other types than JSON's that operators write, where one JSON value means the same. Pure.

    numpy scalars and arrays        numbers, truth values, texts; lists
    dates and times                 ISO 8601, as such values of Parquet are
    durations                       seconds
    decimals                        strings
    bytes                           base64

A set has no order, and NaN no JSON form: these are refused by the field and type that hold them.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np

_DEPTH_MAX: Final = 20
"""Of places that are named; a list that holds itself has no end."""


def plain(value: Any) -> Any:
    """The value as one that a JSON encoder takes, or as one step towards it.

    Raises: TypeError: there is none.
    """
    match value:
        case np.ndarray() | np.generic():
            made = value.tolist()
            if type(made) is type(value) or (
                isinstance(made, int) and isinstance(value, np.datetime64 | np.timedelta64)
            ):
                raise TypeError(f"{type(value).__name__} in a unit that Python has no value for")
            return made
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode()
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta():
            return value.total_seconds()
        case decimal.Decimal() if value.is_finite():
            return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def plain_keys(value: Any) -> Any:
    """The value with keys of numpy types, in it at any depth, as Python's."""
    if isinstance(value, Mapping):
        return {
            key.item() if isinstance(key, np.generic) else key: plain_keys(item)
            for key, item in value.items()
        }
    return [plain_keys(item) for item in value] if isinstance(value, list | tuple) else value


def find_unfit(path: str, value: Any, fits: Callable[[Any], bool], depth: int = 0) -> str:
    """Where in a value that has no JSON form the first part without one is, and what it is: `'meta.tags': set`.

    Args:
        fits: whether a value has a JSON form.
    """
    members: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, Mapping) else ()
    if isinstance(value, list | tuple):
        members = enumerate(value)
    for key, member in members:
        if not isinstance(key, str | int | float | np.generic | None):
            return f"{path!r}: a key of type {type(key).__name__}"
        if depth < _DEPTH_MAX and not fits(member):
            return find_unfit(f"{path}.{key}", member, fits, depth + 1)
    if isinstance(value, float | np.floating) and not math.isfinite(value):
        return f"{path!r}: {value}"
    if isinstance(value, str):
        return f"{path!r}: a text with a lone surrogate"
    return f"{path!r}: {type(value).__name__}"
