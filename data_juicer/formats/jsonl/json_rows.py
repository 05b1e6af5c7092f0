"""One line of JSON Lines -> its text fields, or the exact reason why it is no row. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

import msgspec
import numpy as np

from data_juicer.formats.base import NULL_TEXT
from data_juicer.rows import json_values

DEPTH_MAX: Final = 500
"""Levels of nesting. Fixed, because the interpreter's own limit depends on how deep the caller already is."""

TextFinder = Callable[[memoryview], tuple[memoryview, ...]]

_OPEN_ROW: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_QUOTE: Final = ord('"')
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NAMES: Final[Mapping[type, str]] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


class RowError(Exception):
    """A line that is no row: a stable name for the kind of error, and one line for people."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message


class _NoTextError(Exception):
    """A declared field that is no string."""


REFUSALS: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError, KeyError, _NoTextError)
"""What a `TextFinder` raises for a line that is no row."""


def text_finder(text_keys: tuple[str, ...], *, null_is_empty: bool = False) -> TextFinder:
    """Finds the text fields of a line that is known to be UTF-8, as JSON strings with their quotes.

    It refuses every line that `read_strictly` refuses, and no other, but for texts that are missing or null with
    `null_is_empty`: those are empty.
    """
    if null_is_empty:
        return lambda line: tuple(_string_or_empty(_member(line, key)) for key in text_keys)
    if any("." in key for key in text_keys):  # such keys may reach into objects
        return lambda line: tuple(_string(_nested(line, key)) for key in text_keys)
    if len(text_keys) == 1:
        key = text_keys[0]
        return lambda line: (_string(_OPEN_ROW(line)[key]),)

    def find(line: memoryview) -> tuple[memoryview, ...]:
        row = _OPEN_ROW(line)
        return tuple(_string(row[key]) for key in text_keys)

    return find


def _member(line: memoryview, key: str) -> bytes | None:
    return json_values.get(json_values.raw_object(line), key)


def _string_or_empty(raw: bytes | None) -> memoryview:
    return memoryview(b'""') if raw is None or raw == b"null" else _string(raw)


def _nested(line: memoryview, key: str) -> bytes:
    raw = json_values.get(json_values.raw_object(line), key)
    if raw is None:
        raise KeyError(key)
    return raw


def _string(raw: msgspec.Raw | bytes) -> memoryview:
    view = memoryview(raw)
    if view[0] != _QUOTE:
        raise _NoTextError
    return view


def why_refused(line: bytes, text_keys: tuple[str, ...]) -> RowError:
    """Of a line that was refused."""
    try:
        read_strictly(line, text_keys)
    except RowError as error:
        return error
    raise AssertionError("a row was refused that can be read")


def read_strictly(line: bytes, text_keys: tuple[str, ...]) -> tuple[str, ...]:
    """The text fields of a line, as the JSON standard has them.

    Raises: RowError: the line is no row.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise RowError("invalid_utf8", f"byte {error.start + 1} of the line is not UTF-8") from None
    if depth(line) > DEPTH_MAX:
        raise RowError("too_deep", f"nested more than {DEPTH_MAX} levels deep")
    try:
        row = json.loads(text, parse_constant=_refuse_constant, parse_int=_integer)
        json_values.raw_object(line)
    except json.JSONDecodeError as error:
        raise RowError(
            "invalid_json", f"not JSON: {error.msg.removesuffix(' at')} at character {error.pos + 1}"
        ) from None
    except RecursionError:
        raise RowError("too_deep", "nested too deep") from None
    except msgspec.ValidationError:
        raise RowError("not_an_object", f"the line is {_NAMES[type(row)]}, expected an object") from None
    except msgspec.DecodeError:
        raise RowError(
            "lone_surrogate", "a \\u escape names half a surrogate pair, which no text can hold"
        ) from None
    return tuple(_text(row, key) for key in text_keys)


def depth(line: bytes) -> int:
    """How deep arrays and objects are nested; of a line that is not JSON some number."""
    data = np.frombuffer(_STRING.sub(b"", line), np.uint8)
    bracket = data & 0xDF  # "[" and "{" differ in one bit, so do "]" and "}"
    steps = (bracket == 0x5B).astype(np.int32) - (bracket == 0x5D)
    return int(np.cumsum(steps).max(initial=0))


def _text(row: dict[str, Any], key: str) -> str:
    value = _find(row, key)
    if value is json_values.MISSING:
        raise RowError(NULL_TEXT, f"field {key!r} is missing, expected a string")
    if value is None:
        raise RowError(NULL_TEXT, f"field {key!r} is null, expected a string")
    if not isinstance(value, str):
        raise RowError("text_not_string", f"field {key!r} is {_NAMES[type(value)]}, expected a string")
    return value


def _find(row: dict[str, Any], key: str) -> Any:
    """Looked up as `ops.values.get` does it for raw members."""
    if key in row:
        return row[key]
    head, dot, rest = key.partition(".")
    inner = row.get(head)
    return _find(inner, rest) if dot and isinstance(inner, dict) else json_values.MISSING


def _refuse_constant(name: str) -> NoReturn:
    raise RowError("invalid_json", f"not JSON: {name} is no JSON value")


def _integer(digits: str) -> int:
    """Integers stay raw; this reading is only for their type, so their size does not matter."""
    return len(digits)
