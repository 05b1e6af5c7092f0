"""Random Arrow values of every type, and what they mean, by ways of their own: nothing here uses the package."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import random
import re
import sys
import zoneinfo
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
ZONES = [None, "UTC", "Europe/Berlin", "America/New_York", "+05:30", "Mars/Phobos"]
TEXTS = [
    "",
    "a",
    "b",
    "plain text",
    "Grüße",
    "日本語",
    "😀",
    'quo"te',
    "back\\slash",
    "nul\0",
    "line\nfeed",
    "\x7f",
    "1",
    "null",
]
MEMBERS = ["a", "b", "", "a.b", 'q"', "ключ"]

# ---- types


def random_type(rng: random.Random, depth: int = 0) -> pa.DataType:
    if depth < 3 and rng.random() < 0.3:
        return _nested_type(rng, depth)
    return rng.choice(SCALARS)(rng)


def _nested_type(rng: random.Random, depth: int) -> pa.DataType:
    def inner() -> pa.DataType:
        return random_type(rng, depth + 1)

    match rng.randrange(7):
        case 0:
            return pa.list_(inner())
        case 1:
            return pa.large_list(inner())
        case 2:
            return pa.list_(inner(), rng.randrange(1, 4))
        case 3:
            return pa.map_(rng.choice([pa.string(), pa.int32()]), inner())
        case 4 if depth == 0:
            return pa.list_(pa.dictionary(pa.int8(), pa.string()))
        case _:
            names = rng.sample(MEMBERS, rng.randrange(1, 4))
            return pa.struct([(name, inner()) for name in names])


def _decimal(rng: random.Random) -> pa.DataType:
    precision = rng.choice([1, 5, 9, 18, 19, 38, 39, 76])
    scale = rng.randrange(precision + 1)
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)


SCALARS: list[Callable[[random.Random], pa.DataType]] = [
    *[lambda _, kind=kind: kind for kind in (
        pa.null(), pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(),
        pa.uint64(), pa.int64(), pa.uint64(), pa.float16(), pa.float32(), pa.float64(), pa.float64(), pa.string(), pa.large_string(), pa.string_view(),
        pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(3), pa.date32(), pa.date64(),
        pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.int64()), pa.uuid(), pa.bool8(),
        pa.month_day_nano_interval(), pa.run_end_encoded(pa.int32(), pa.string()),
    )],
    lambda rng: pa.timestamp(rng.choice(["s", "ms", "us", "ns"]), rng.choice(ZONES)),
    lambda rng: pa.timestamp(rng.choice(["s", "ms", "us", "ns"]), None),
    lambda rng: pa.time32(rng.choice(["s", "ms"])),
    lambda rng: pa.time64(rng.choice(["us", "ns"])),
    lambda rng: pa.duration(rng.choice(["s", "ms", "us", "ns"])),
    _decimal,
]  # fmt: skip


# ---- values


def random_array(rng: random.Random, kind: pa.DataType, size: int) -> pa.Array:
    """`size` values of a type, some of them null, many of them extreme."""
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, random_array(rng, kind.storage_type, size))
    if pa.types.is_run_end_encoded(kind):
        return pc.run_end_encode(random_array(rng, kind.value_type, size))
    if pa.types.is_interval(kind):
        return pa.array([_or_null(rng, (rng.randrange(-9, 9), 3, 2**60)) for _ in range(size)], kind)
    if pa.types.is_dictionary(kind):
        values = pa.array([_scalar(rng, kind.value_type) for _ in range(3)], kind.value_type)
        indices = pa.array([_or_null(rng, rng.randrange(3)) for _ in range(size)], kind.index_type)
        return pa.DictionaryArray.from_arrays(indices, values)
    if pa.types.is_struct(kind):
        members = [random_array(rng, kind.field(number).type, size) for number in range(kind.num_fields)]
        nulls = _mask(rng, size)
        return pa.StructArray.from_arrays(members, fields=list(kind), mask=nulls)
    if pa.types.is_fixed_size_list(kind):
        items = random_array(rng, kind.value_type, size * kind.list_size)
        return pa.FixedSizeListArray.from_arrays(items, type=kind, mask=_mask(rng, size))
    if pa.types.is_map(kind):
        return _map(rng, kind, size)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        sizes = [rng.randrange(3) for _ in range(size)]
        offsets = np.concatenate(([0], np.cumsum(sizes)))
        items = random_array(rng, kind.value_type, int(offsets[-1]))
        made = pa.LargeListArray if pa.types.is_large_list(kind) else pa.ListArray
        width = pa.int64() if pa.types.is_large_list(kind) else pa.int32()
        return made.from_arrays(pa.array(offsets, width), items, type=kind, mask=_mask(rng, size))
    return _scalars(rng, kind, size)


def _mask(rng: random.Random, size: int) -> pa.Array:
    return pa.array([rng.random() < 0.2 for _ in range(size)], pa.bool_())


def _map(rng: random.Random, kind: pa.MapType, size: int) -> pa.Array:
    sizes = [rng.randrange(3) for _ in range(size)]
    offsets = pa.array(np.concatenate(([0], np.cumsum(sizes))), pa.int32())
    total = sum(sizes)
    keys = pa.array(range(total), pa.int32())
    if kind.key_type == pa.string():
        keys = pa.array([f"k{number}" for number in range(total)], pa.string())
    return pa.MapArray.from_arrays(
        offsets, keys, random_array(rng, kind.item_type, total), type=kind, mask=_mask(rng, size)
    )


def _or_null(rng: random.Random, value: Any) -> Any:
    return None if rng.random() < 0.2 else value


def _scalars(rng: random.Random, kind: pa.DataType, size: int) -> pa.Array:
    if pa.types.is_null(kind):
        return pa.nulls(size)
    values = [_or_null(rng, _scalar(rng, kind)) for _ in range(size)]
    if pa.types.is_temporal(kind):
        integer = pa.int32() if kind.bit_width == 32 else pa.int64()
        return pa.array(values, integer).view(kind)
    return pa.array(values, kind)


def _integer(rng: random.Random, low: int, high: int) -> int:
    some = [
        0,
        1,
        -1,
        low,
        high,
        low + 1,
        high - 1,
        2**53,
        2**53 + 1,
        -(2**53) - 1,
        rng.randint(low, high),
        rng.randint(-9, 9),
    ]
    return min(high, max(low, rng.choice(some)))


def _scalar(rng: random.Random, kind: pa.DataType) -> Any:
    if pa.types.is_boolean(kind):
        return rng.random() < 0.5
    if pa.types.is_signed_integer(kind):
        return _integer(rng, -(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1)
    if pa.types.is_unsigned_integer(kind):
        return _integer(rng, 0, 2**kind.bit_width - 1)
    if pa.types.is_floating(kind):
        value = rng.choice(
            [
                0.0,
                -0.0,
                0.1,
                1.0,
                -2.5,
                1e300,
                5e-324,
                math.nan,
                math.inf,
                -math.inf,
                3.0,
                rng.random(),
                2.0**60,
            ]
        )
        return (
            {16: np.float16, 32: np.float32, 64: float}[kind.bit_width](value)
            if abs(value) < 60000 or math.isnan(value) or math.isinf(value) or kind.bit_width == 64
            else 1.5
        )
    if pa.types.is_decimal(kind):
        digits = rng.choice([0, 1, 10**kind.precision - 1, rng.randrange(10**kind.precision)])
        sign = rng.choice([0, 1])
        return Decimal((sign, tuple(map(int, str(digits))), -kind.scale))
    if pa.types.is_date64(kind):
        return _integer(rng, -(10**6), 10**6) * 86_400_000
    if pa.types.is_time(kind):
        return rng.choice(
            [0, 1, 86_400 * PER_SECOND[kind.unit] - 1, rng.randrange(86_400 * PER_SECOND[kind.unit])]
        )
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        edge = 2**63 - 1
        usual = rng.randint(-(10**9), 4 * 10**9) * PER_SECOND[kind.unit] + rng.randrange(
            PER_SECOND[kind.unit]
        )
        far = 253_402_300_799 * PER_SECOND[kind.unit]
        return max(
            -edge,
            min(edge, rng.choice([0, 1, -1, usual, usual, far, far + PER_SECOND[kind.unit], edge, -edge])),
        )
    if pa.types.is_temporal(kind):
        return rng.choice([0, -1, 10957, 2_932_896, 2_932_897, -719_162, -719_163, 2**31 - 1, -(2**31)])
    if pa.types.is_fixed_size_binary(kind):
        return rng.randbytes(kind.byte_width)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return rng.randbytes(rng.randrange(4))
    return rng.choice(TEXTS)


# ---- what they mean


def meaning(value: Any, field: pa.Field | None = None) -> Any:
    """A scalar as JSON values, moments as text with no zeros at the end, decimals as Decimal, durations as Fraction.

    Args:
        field: of the scalar; one that holds JSON text is what its text means.
    """
    kind = value.type
    if not value.is_valid:
        return None
    if field is not None and (field.metadata or {}).get(b"data_juicer") == b"json":
        return parse(value.as_py())
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name == "arrow.bool8":
            return bool(value.value.as_py())
        return str(value.as_py())
    if pa.types.is_interval(kind):
        present = value.as_py()
        return {"months": present.months, "days": present.days, "nanoseconds": present.nanoseconds}
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return meaning(value.value) if hasattr(value, "value") else value.as_py()
    if pa.types.is_struct(kind):
        names = [kind.field(number) for number in range(kind.num_fields)]
        return {each.name: meaning(value[number], each) for number, each in enumerate(names)}
    if pa.types.is_map(kind):
        entries = value.values
        return [
            [meaning(key), meaning(item, kind.item_field)]
            for key, item in zip(entries.field(0), entries.field(1), strict=True)
        ]
    if pa.types.is_nested(kind):
        return [meaning(item, kind.value_field) for item in value.values]
    if pa.types.is_temporal(kind):
        return _moment(value, kind)
    plain = value.as_py()
    if isinstance(plain, bytes):
        return base64.b64encode(plain).decode()
    if isinstance(plain, float | np.floating):
        return float(plain) if math.isfinite(plain) else None
    return plain


def _moment(value: Any, kind: pa.DataType) -> Any:
    number = value.value if not pa.types.is_date32(kind) else value.cast(pa.int32()).as_py()
    if pa.types.is_date32(kind):
        return _day(number)
    if pa.types.is_date64(kind):
        return _day(number // 86_400_000)
    if pa.types.is_duration(kind):
        return Fraction(number, PER_SECOND[kind.unit])
    if pa.types.is_time(kind):
        return _trimmed(str(np.datetime64(number, kind.unit)).partition("T")[2])
    if kind.tz is None:
        return _trimmed(_numpy_text(number, kind.unit))
    offset = _offset_s(number // PER_SECOND[kind.unit], kind.tz)
    local = number + offset * PER_SECOND[kind.unit]
    return _trimmed(_numpy_text(local, kind.unit)) + _offset_text(offset)


def _day(number: int) -> str:
    """As numpy writes it, years with four digits or more, as ISO 8601 has them."""
    year, month, day = re.fullmatch(r"(-?\d+)-(\d\d)-(\d\d)", str(np.datetime64(number, "D"))).groups()  # type: ignore[union-attr]
    return f"{'-' if year.startswith('-') else ''}{year.lstrip('-'):0>4}-{month}-{day}"


def _numpy_text(number: int, unit: str) -> str:
    """As numpy writes it; split at the second, since numpy overflows where the whole would not."""
    second, rest = divmod(number, PER_SECOND[unit])
    days, second = divmod(second, 86_400)
    day, clock = _day(days), str(np.datetime64(second, "s")).partition("T")[2]
    digits = {"s": 0, "ms": 3, "us": 6, "ns": 9}[unit]
    return f"{day}T{clock}" + (f".{rest:0{digits}d}" if digits else "")


def _offset_s(second: int, zone: str) -> int:
    if zone == "+05:30":
        tz: dt.tzinfo = dt.timezone(dt.timedelta(hours=5, minutes=30))
    elif zone == "Mars/Phobos":
        return 0
    else:
        tz = zoneinfo.ZoneInfo(zone)
    try:
        moment = (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=second)).astimezone(tz)
    except OverflowError:
        return 0
    found = moment.utcoffset()
    return 0 if found is None else int(found.total_seconds())


def _offset_text(offset: int) -> str:
    sign, size = ("-" if offset < 0 else "+"), abs(offset)
    seconds = f":{size % 60:02d}" if size % 60 else ""
    return f"{sign}{size // 3600:02d}:{size // 60 % 60:02d}{seconds}"


def _trimmed(text: str) -> str:
    return re.sub(r"(\.\d*?)0+(?=$|[+-])", lambda found: found[1] if found[1] != "." else "", text).lstrip(
        "+"
    )


def parse(text: str | bytes) -> Any:
    """JSON with numbers as they are written."""
    sys.set_int_max_str_digits(0)
    return json.loads(text, parse_float=Decimal)


def is_meant(expected: Any, found: Any) -> bool:
    """Whether what was found means what was expected; a member that is missing is null."""
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    if isinstance(expected, str) and isinstance(found, str):
        return expected == found or _trimmed(found) == _trimmed(expected)
    if isinstance(expected, Decimal | Fraction) and isinstance(found, str):
        return Fraction(found) == expected
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(is_meant(expected.get(name), found.get(name)) for name in {**expected, **found})
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(is_meant, expected, found))
    if expected is None or found is None:
        return expected is None and found is None
    numbers = (int, float, Decimal, Fraction)
    if not isinstance(expected, numbers) or not isinstance(found, numbers):
        return False
    if isinstance(expected, Fraction) and isinstance(found, float):
        return Fraction(repr(found)) == expected  # a number in JSON, whose shortest text says it
    if isinstance(expected, float) or isinstance(found, float):
        return (
            _as_float(expected) == _as_float(found)
            if _is_written(expected, found)
            else Fraction(expected) == Fraction(found)
        )
    return Fraction(expected) == Fraction(found)


def _is_written(*numbers: Any) -> bool:
    """Whether one of them is a decimal text, which means the double that is nearest."""
    return any(isinstance(number, Decimal) for number in numbers)


def _as_float(number: Any) -> float:
    return float(number)
