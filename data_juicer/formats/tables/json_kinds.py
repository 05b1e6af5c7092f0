"""Which Arrow type holds the JSON values of a column. Pure.

    null  ⊂  everything
    exact integer (within ±2^53)  ⊂  integer (int64)
    exact integer                 ⊂  float
    list[a] ⊔ list[b] = list[a ⊔ b],  struct ⊔ struct = all members, each joined
    anything else                 ⊂  json: the value's JSON text, in a string column

A `Kind` is the least of these that holds all values seen; joining is commutative and associative, so that it does not
matter how the rows are divided into parts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Final, Literal

import pyarrow as pa

Name = Literal["null", "bool", "exact", "int", "float", "str", "list", "struct", "json"]

JSON_TEXT: Final[Mapping[bytes, bytes]] = {b"data_juicer": b"json"}
"""Metadata of a column that holds JSON text."""

_EXACT_MAX: Final = 2**53
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_WIDER: Final[Mapping[frozenset[Name], Name]] = {
    frozenset(("exact", "int")): "int",
    frozenset(("exact", "float")): "float",
}


@dataclass(frozen=True, slots=True)
class Kind:
    name: Name
    item: Kind | None = None
    """Of a list."""
    members: Mapping[str, Kind] = field(default_factory=dict)
    """Of a struct, in the order first seen."""


NULL: Final = Kind("null")
JSON: Final = Kind("json")
_SCALARS: Final[Mapping[type, Kind]] = {
    type(None): NULL,
    bool: Kind("bool"),
    float: Kind("float"),
    str: Kind("str"),
}


def kind_of(value: Any) -> Kind:
    """The kind of one decoded JSON value."""
    scalar = _SCALARS.get(type(value))
    if scalar is not None:
        return scalar
    if isinstance(value, int):
        return _kind_of_integer(value)
    if isinstance(value, list):
        return Kind("list", item=reduce(join, map(kind_of, value), NULL))
    return Kind("struct", members={name: kind_of(member) for name, member in value.items()})


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
        return Kind("struct", members=join_members(left.members, right.members))
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
            return pa.list_(arrow_type(kind.item or NULL))
        case "struct" if kind.members:
            return pa.struct([arrow_field(name, member) for name, member in kind.members.items()])
        case _:
            return pa.large_string()


def arrow_field(name: str, kind: Kind) -> pa.Field:
    return pa.field(name, arrow_type(kind), metadata=JSON_TEXT if is_json_text(kind) else None)


def is_json_text(kind: Kind) -> bool:
    """Whether values of this kind are held as their JSON text."""
    return kind.name == "json" or (kind.name == "struct" and not kind.members)


def holds_json_text(kind: Kind) -> bool:
    """Whether there is JSON text anywhere in values of this kind."""
    inner = (*kind.members.values(), *((kind.item,) if kind.item else ()))
    return is_json_text(kind) or any(map(holds_json_text, inner))


def fit(value: Any, kind: Kind) -> Any:
    """A decoded JSON value as `pa.array` takes it for `arrow_type(kind)`."""
    if value is None:
        return None
    if is_json_text(kind):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, list) and kind.item:
        return [fit(item, kind.item) for item in value]
    if isinstance(value, dict):
        return {name: fit(value.get(name), member) for name, member in kind.members.items()}
    return float(value) if kind.name == "float" else value
