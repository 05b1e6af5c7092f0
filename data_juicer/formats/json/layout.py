"""Where the rows of a `.json` file are: one a line, in one array, or in an array that is a member of one object. Pure."""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple

ROWS_MEMBER: Final = "data"
"""The member of an object that holds its rows where no option names another."""
_BLANK: Final = re.compile(rb"[ \t\r\n]*")
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SCALAR: Final = re.compile(rb"[^,}\]\s]+")
_NESTING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_LIST_OF_ROWS: Final = re.compile(rb"\[[ \t\r\n]*[{\]]")


class Layout(NamedTuple):
    """What the first bytes of a JSON file say."""

    array_start: int = -1
    """After the bracket of the array that holds the rows; -1: the file has a row a line."""
    is_alone: bool = False
    """The array is the whole text, and nothing may follow it."""
    is_single_line: bool = False
    """The array counts only if the file is one line: else that line is a row like those after it."""
    members: tuple[str, ...] = ()
    """Of an object that should hold the rows and does not, as far as they were looked at."""


def find_rows(head: bytes, field: str = "") -> Layout:
    """
    Args:
        head: the first bytes of the text, in UTF-8, without a mark.
        field: the member that an option names.
    """
    start = _skip(_BLANK, head, 0)
    if head[start : start + 1] == b"[" and not field:
        return Layout(array_start=start + 1, is_alone=True)
    if head[start : start + 1] != b"{":
        return Layout()
    stop, values, members = _open_object(head, start + 1)
    value = values.get(field or ROWS_MEMBER)
    if field:
        is_list = value is not None and head[value : value + 1] == b"["
        return Layout(array_start=value + 1) if value is not None and is_list else Layout(members=members)
    if value is None or head[value : value + 1] != b"[":
        return Layout()
    first_line_end = head.find(b"\n", start)
    goes_on = first_line_end >= 0 and (stop < 0 or first_line_end < stop)
    if not (goes_on or _LIST_OF_ROWS.match(head, value)):  # a row that has a list of something else
        return Layout()
    return Layout(array_start=value + 1, is_single_line=not goes_on)


def _open_object(head: bytes, start: int) -> tuple[int, dict[str, int], tuple[str, ...]]:
    """Where an object ends, -1 if not in `head`; and where each member's value begins, as far as they are there."""
    values: dict[str, int] = {}
    place = start
    while (name := _STRING.match(head, _skip(_BLANK, head, place))) is not None:
        colon = _skip(_BLANK, head, name.end())
        value = _skip(_BLANK, head, colon + 1)
        if head[colon : colon + 1] != b":" or value >= len(head):
            return -1, values, tuple(values)
        values[_name(name[0])] = value
        place = _skip(_BLANK, head, _behind_value(head, value))
        if head[place : place + 1] != b",":
            break
        place += 1
    closed = head[place : place + 1] == b"}"
    return (place + 1 if closed else -1), values, tuple(values)


def _behind_value(head: bytes, start: int) -> int:
    """After the value that begins at `start`; the end of `head` if it goes on there."""
    if head[start : start + 1] not in {b"[", b"{"}:
        found = (_STRING if head[start : start + 1] == b'"' else _SCALAR).match(head, start)
        return found.end() if found else len(head)
    depth = 0
    for token in _NESTING.finditer(head, start):
        if token[0] in {b"[", b"{"}:
            depth += 1
        elif token[0] in {b"]", b"}"}:
            depth -= 1
            if depth == 0:
                return token.end()
    return len(head)


def _skip(pattern: re.Pattern[bytes], head: bytes, start: int) -> int:
    found = pattern.match(head, start)
    return found.end() if found else start


def _name(quoted: bytes) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError:
        return quoted.decode(errors="replace")
