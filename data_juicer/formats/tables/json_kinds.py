"""Which Arrow type holds the JSON values of a column. Pure.

    null  ⊂  everything
    exact integer (within ±2^53)  ⊂  integer (int64)
    exact integer                 ⊂  float (finite)
    list[a] ⊔ list[b] = list[a ⊔ b],  struct ⊔ struct = all members, each joined
    anything else                 ⊂  json: the value's JSON text, in a string column; so are numbers beyond double, what
                                     is nested deeper than DEPTH_MAX, and objects of more than MEMBERS_MAX names

A `Kind` is the least of these that holds all values seen; joining is commutative and associative, so that it does not
matter how the rows are divided into parts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
import pyarrow as pa

from data_juicer.rows import json_values

Name = Literal["null", "bool", "exact", "int", "float", "str", "list", "struct", "json"]

JSON_TEXT: Final[Mapping[bytes, bytes]] = {b"data_juicer": b"json"}
"""Metadata of a column that holds JSON text."""

DEPTH_MAX: Final = 32
"""Levels of lists and structs; readers of Arrow refuse schemas of more than 64."""
MEMBERS_MAX: Final = 1000
"""Of a struct: an object with names of its own in each row is no struct."""
_DIGITS_MAX: Final = 400
"""No integer of more digits has another kind than JSON text; Python refuses to read more than 4,300."""
_EXACT_MAX: Final = 2**53
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_WIDER: Final[Mapping[frozenset[Name], Name]] = {
    frozenset(("exact", "int")): "int",
    frozenset(("exact", "float")): "float",
}


class Kind(msgspec.Struct, frozen=True):
    name: Name
    item: Kind | None = None
    """Of a list."""
    members: Mapping[str, Kind] = msgspec.field(default_factory=dict)
    """Of a struct, in the order first seen."""


NULL: Final = Kind("null")
JSON: Final = Kind("json")
_SCALARS: Final[Mapping[type, Kind]] = {
    type(None): NULL,
    bool: Kind("bool"),
    str: Kind("str"),
}


_FLOAT: Final = Kind("float")


def kind_of_raw(raw: bytes) -> Kind:
    return kind_of(decode_number_safe(raw))


def decode_number_safe(raw: bytes | memoryview) -> Any:
    """A decoded JSON value, infinity in place of an integer that has more digits than Python reads."""
    try:
        return json_values.decode(raw)
    except ValueError:
        return json.loads(
            bytes(raw), parse_int=lambda digits: int(digits) if len(digits) < _DIGITS_MAX else math.inf
        )


def kind_of(value: Any, depth: int = 0) -> Kind:
    """The kind of one decoded JSON value, `depth` levels below the top of a row."""
    scalar = _SCALARS.get(type(value))
    if scalar is not None:
        return scalar
    if isinstance(value, float):
        return _FLOAT if math.isfinite(value) else JSON
    if isinstance(value, int):
        return _kind_of_integer(value)
    if depth >= DEPTH_MAX:
        return JSON
    if isinstance(value, list):
        kind = NULL
        for item in value:
            kind = join(kind, kind_of(item, depth + 1))
        return Kind("list", item=kind)
    return _struct({name: kind_of(member, depth + 1) for name, member in value.items()})


def _struct(members: Mapping[str, Kind]) -> Kind:
    return Kind("struct", members=members) if len(members) <= MEMBERS_MAX else JSON


def _kind_of_integer(value: int) -> Kind:
    if -_EXACT_MAX <= value <= _EXACT_MAX:
        return Kind("exact")
    return Kind("int") if _INT64_MIN <= value <= _INT64_MAX else JSON


def join(left: Kind, right: Kind) -> Kind:
    """The least kind that holds both."""
    if left is right or right.name == "null":
        return left
    if left.name == "null":
        return right
    if left.name != right.name:
        wider = _WIDER.get(frozenset((left.name, right.name)))
        return JSON if wider is None else Kind(wider)
    if left.item is not None and right.item is not None:
        return Kind("list", item=join(left.item, right.item))
    if left.name == "struct":
        return _struct(join_members(left.members, right.members))
    return left


def join_members(left: Mapping[str, Kind], right: Mapping[str, Kind]) -> dict[str, Kind]:
    """All members of both, those of `left` first."""
    names = dict.fromkeys((*left, *right))
    return {name: join(left.get(name, NULL), right.get(name, NULL)) for name in names}


def arrow_type(kind: Kind) -> pa.DataType:
    """Nulls alone become a string column; an object that never has a member, which Parquet cannot hold, JSON text."""
    match kind.name:
        case "bool":
            return pa.bool_()
        case "exact" | "int":
            return pa.int64()
        case "float":
            return pa.float64()
        case "list":
            return pa.list_(arrow_field("element", kind.item or NULL))
        case "struct" if kind.members:
            return pa.struct([arrow_field(name, member) for name, member in kind.members.items()])
        case _:
            return pa.large_string()


def arrow_field(name: str, kind: Kind) -> pa.Field:
    return pa.field(name, arrow_type(kind), metadata=JSON_TEXT if is_json_text(kind) else None)


def is_json_text(kind: Kind) -> bool:
    """Whether values of this kind are kept as their JSON text."""
    return kind.name == "json" or (kind.name == "struct" and not kind.members)


def holds_json_text(kind: Kind) -> bool:
    """Whether there is JSON text anywhere in values of this kind."""
    inner = (*kind.members.values(), *((kind.item,) if kind.item else ()))
    return is_json_text(kind) or any(map(holds_json_text, inner))


def fit_raw(raw: bytes | None, kind: Kind) -> Any:
    """A raw JSON value as `pa.array` takes it for `arrow_type(kind)`; JSON text is the very text that came in."""
    if raw is None or raw == b"null":
        return None
    if is_json_text(kind):
        return raw.decode()
    if not holds_json_text(kind):
        return _fit(json_values.decode(raw), kind)
    if kind.item is not None:
        return [fit_raw(item, kind.item) for item in json_values.raw_list(raw)]
    row = json_values.raw_object(raw)
    return {name: fit_raw(row.get(name), member) for name, member in kind.members.items()}


def _fit(value: Any, kind: Kind) -> Any:
    if kind.name == "float":
        return None if value is None else float(value)
    return value


def is_same(value: Any, other: Any) -> bool:
    """Whether decoded JSON values are the same; a member that is missing is null, and 1 is 1.0 but not true."""
    if isinstance(value, bool) or isinstance(other, bool):
        return value is other
    if isinstance(value, dict) and isinstance(other, dict):
        return all(is_same(value.get(name), other.get(name)) for name in {**value, **other})
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(map(is_same, value, other))
    return bool(value == other)
