"""Which Arrow type holds the values of columns of one name that have several types. Pure.

Arrow's own joins lose values (int64 with double, uint64 with int64, times of another unit). Here the type that comes out
holds every value of every part exactly, or there is none and the column becomes JSON text:

    integers                    the widest; uint64 with a signed type int64 or uint64, whichever holds the values there are
    integers and floats         double, where every integer is within ±2^53
    floats                      the widest
    decimals, and integers      a decimal with as many digits on both sides of the point
    times of one zone, durations    the finest unit, where every value fits into it
    strings, dictionaries of strings    large_string
    binary of any kind          large_binary
    lists of any kind           a list of what the items become
    structs                     all members of both; a member that one lacks is null
    maps                        a map of what keys and items become, unless that is JSON text
    null                        the other type
    anything else               no type: JSON text

A `Seen` is what was found in some parts; joining is commutative and associative, so that it does not matter how rows
are divided into parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from data_juicer.formats.tables.json_kinds import JSON_TEXT
from data_juicer.formats.tables.normal import map_entries
from data_juicer.formats.tables.times import PER_SECOND

Range = tuple[int, int] | None
"""The least and the greatest value; None: there is no value."""

_EXACT_MAX: Final = 2**53
_INT64_MAX: Final = 2**63 - 1
_UNITS: Final = ("s", "ms", "us", "ns")
_DIGITS: Final = {8: 3, 16: 5, 32: 10, 64: 20}
"""Decimal digits of an integer by its bits."""


class Seen(msgspec.Struct, frozen=True):
    """The types of one column, or of one place within its values."""

    scalars: Mapping[pa.DataType, Range] = msgspec.field(default_factory=dict)
    """Types of no lists, structs or maps, with the range of integers, times and durations; null is none of them."""
    lists: frozenset[pa.DataType] = frozenset()
    """Types of lists, of fixed size or not."""
    item: Seen | None = None
    """Of lists and, as the items, of maps."""
    members: Mapping[str, Seen] | None = None
    """Of structs, in the order first seen."""
    key: Seen | None = None
    """Of maps."""
    is_json: bool = False
    """Whether a part holds JSON text there."""
    nullable: bool = False
    metadata: Mapping[bytes, bytes] = msgspec.field(default_factory=dict)


NOTHING: Final = Seen()
ABSENT: Final = Seen(nullable=True)
"""Of a part that lacks the column."""


def is_json_text(given: pa.Field) -> bool:
    """Whether a column holds JSON text."""
    return bool(JSON_TEXT.items() <= (given.metadata or {}).items())


def seen_in(given: pa.Field, array: pa.Array) -> Seen:
    """What one part holds. The array is normal, see `formats.tables.normal`."""
    found = Seen(scalars={}, is_json=True) if is_json_text(given) else _seen(array)
    return Seen(
        scalars=found.scalars,
        lists=found.lists,
        item=found.item,
        members=found.members,
        key=found.key,
        is_json=found.is_json,
        nullable=given.nullable or array.null_count > 0,
        metadata=dict(given.metadata or {}),
    )


def _seen(array: pa.Array) -> Seen:
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return Seen(scalars={kind: None})
    if pt.is_null(kind):
        return NOTHING
    if pt.is_struct(kind):
        inner = zip(kind, array.flatten(), strict=True)
        return Seen(members={child.name: seen_in(child, member) for child, member in inner})
    if pt.is_map(kind):
        keys, items = map_entries(array)
        return Seen(key=seen_in(kind.key_field, keys), item=seen_in(kind.item_field, items))
    if pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind):
        return Seen(lists=frozenset([kind]), item=seen_in(kind.value_field, array.flatten()))
    return Seen(scalars={kind: _range(array)})


def _range(array: pa.Array) -> Range:
    kind = array.type
    if pt.is_integer(kind):
        integers = array
    elif (pt.is_timestamp(kind) or pt.is_duration(kind) or pt.is_time(kind)) and kind.bit_width in {32, 64}:
        integers = array.view(pa.int64() if kind.bit_width == 64 else pa.int32())
    else:
        return None
    found = pc.min_max(integers).as_py()
    return None if found["min"] is None else (found["min"], found["max"])


def join(left: Seen, right: Seen) -> Seen:
    """What both hold."""
    scalars = dict(left.scalars)
    for kind, bounds in right.scalars.items():
        scalars[kind] = _wider(scalars.get(kind), bounds)
    return Seen(
        scalars=scalars,
        lists=left.lists | right.lists,
        item=_join_optional(left.item, right.item),
        members=_join_optional_members(left.members, right.members),
        key=_join_optional(left.key, right.key),
        is_json=left.is_json or right.is_json,
        nullable=left.nullable or right.nullable,
        metadata=dict(left.metadata.items() & right.metadata.items()) if left.metadata else {},
    )


def _wider(left: Range, right: Range) -> Range:
    if left is None or right is None:
        return left or right
    return min(left[0], right[0]), max(left[1], right[1])


def _join_optional(left: Seen | None, right: Seen | None) -> Seen | None:
    if left is None or right is None:
        return left or right
    return join(left, right)


def _join_optional_members(
    left: Mapping[str, Seen] | None, right: Mapping[str, Seen] | None
) -> Mapping[str, Seen] | None:
    if left is None or right is None:
        return right if left is None else left
    return join_members(left, right)


def join_members(left: Mapping[str, Seen], right: Mapping[str, Seen]) -> dict[str, Seen]:
    """All members of both, those of `left` first; one that either lacks is nullable."""
    names = dict.fromkeys((*left, *right))
    return {name: join(left.get(name, ABSENT), right.get(name, ABSENT)) for name in names}


# ---- what comes out


def field_of(name: str, seen: Seen) -> pa.Field:
    """The field that holds all values exactly."""
    kind = _type_of(seen)
    metadata = dict(seen.metadata)
    if kind is None:
        metadata |= JSON_TEXT
        kind = pa.large_string()
    return pa.field(name, kind, nullable=seen.nullable, metadata=metadata or None)


def _type_of(seen: Seen) -> pa.DataType | None:
    """None: no type holds all values."""
    groups = (bool(seen.scalars), bool(seen.lists), seen.members is not None, seen.key is not None)
    if seen.is_json or sum(groups) > 1:
        return None
    if seen.scalars:
        return _scalar_type(seen.scalars)
    if seen.lists and seen.item is not None:
        return _list_type(seen.lists, seen.item)
    if seen.members is not None:
        return pa.struct([field_of(name, member) for name, member in seen.members.items()])
    if seen.key is not None and seen.item is not None:
        key, item = field_of("key", seen.key), field_of("value", seen.item)
        if is_json_text(key) or is_json_text(item):  # Parquet keeps no metadata there that would say so
            return None
        return pa.map_(key.with_nullable(False), item)
    return pa.null()


def _list_type(lists: frozenset[pa.DataType], item: Seen) -> pa.DataType:
    one, *others = sorted(lists, key=str)
    inner = field_of(one.value_field.name, item)
    if not others and one.value_field.equals(inner, check_metadata=True):
        return one
    if pt.is_fixed_size_list(one) and all(
        pt.is_fixed_size_list(other) and other.list_size == one.list_size for other in others
    ):
        return pa.list_(inner.with_name("item"), one.list_size)
    return pa.large_list(inner.with_name("item"))


def _scalar_type(scalars: Mapping[pa.DataType, Range]) -> pa.DataType | None:
    kinds = list(scalars)
    if len(kinds) == 1:
        return kinds[0]
    if any(isinstance(kind, pa.BaseExtensionType) for kind in kinds):
        return None
    for holds, choose in (
        (pt.is_integer, _integer_type),
        (pt.is_floating, _widest),
        (lambda kind: pt.is_integer(kind) or pt.is_floating(kind), _number_type),
        (lambda kind: pt.is_integer(kind) or pt.is_decimal(kind), _decimal_type),
        (pt.is_timestamp, _timestamp_type),
        (pt.is_duration, _duration_type),
        (pt.is_time, _time_type),
        (_is_text, lambda _: pa.large_string()),
        (_is_binary, lambda _: pa.large_binary()),
    ):
        if all(map(holds, kinds)):
            return choose(scalars)
    return None


def _is_text(kind: pa.DataType) -> bool:
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_dictionary(kind))


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_fixed_size_binary(kind))


def _widest(scalars: Mapping[pa.DataType, Range]) -> pa.DataType:
    return max(scalars, key=lambda kind: kind.bit_width)


def _bounds(scalars: Mapping[pa.DataType, Range]) -> tuple[int, int]:
    """Of all integers; 0, 0 where there are none."""
    found: Range = None
    for bounds in scalars.values():
        found = _wider(found, bounds)
    return found or (0, 0)


def _integer_type(scalars: Mapping[pa.DataType, Range]) -> pa.DataType | None:
    signed = {kind: bounds for kind, bounds in scalars.items() if pt.is_signed_integer(kind)}
    unsigned = {kind: bounds for kind, bounds in scalars.items() if kind not in signed}
    if not signed or not unsigned:
        return _widest(scalars)
    bits = max(_widest(signed).bit_width, 2 * _widest(unsigned).bit_width)
    if bits <= 64:
        return {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[bits]
    low, high = _bounds(scalars)
    return pa.int64() if high <= _INT64_MAX else pa.uint64() if low >= 0 else None


def _number_type(scalars: Mapping[pa.DataType, Range]) -> pa.DataType | None:
    low, high = _bounds(scalars)
    return pa.float64() if low >= -_EXACT_MAX and high <= _EXACT_MAX else None


def _decimal_type(scalars: Mapping[pa.DataType, Range]) -> pa.DataType | None:
    decimals = [kind for kind in scalars if pt.is_decimal(kind)]
    scale = max(0, *(kind.scale for kind in decimals))
    digits = max(
        _DIGITS[kind.bit_width] if pt.is_integer(kind) else kind.precision - kind.scale for kind in scalars
    )
    precision = max(1, digits + scale)
    if precision > 76:
        return None
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)


def _finest(scalars: Mapping[pa.DataType, Range]) -> str | None:
    """The finest unit, None where a value does not fit into it."""
    unit = max((kind.unit for kind in scalars), key=_UNITS.index)
    for kind, bounds in scalars.items():
        factor = PER_SECOND[unit] // PER_SECOND[kind.unit]
        low, high = bounds or (0, 0)
        if low * factor < -_INT64_MAX or high * factor > _INT64_MAX:
            return None
    return str(unit)


def _timestamp_type(scalars: Mapping[pa.DataType, Range]) -> pa.DataType | None:
    zones = {kind.tz for kind in scalars}
    unit = _finest(scalars)
    return pa.timestamp(unit, zones.pop()) if unit and len(zones) == 1 else None


def _duration_type(scalars: Mapping[pa.DataType, Range]) -> pa.DataType | None:
    unit = _finest(scalars)
    return pa.duration(unit) if unit else None


def _time_type(scalars: Mapping[pa.DataType, Range]) -> pa.DataType | None:
    unit = _finest(scalars)
    if unit is None:
        return None
    return pa.time64(unit) if unit in {"us", "ns"} else pa.time32(unit)
