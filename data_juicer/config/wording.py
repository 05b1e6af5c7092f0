"""How values and names are put into a message of one line. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from data_juicer.printable import printable

SHOWN_CHARS_MAX: Final = 60
MESSAGE_CHARS_MAX: Final = 1000


def show(value: Any) -> str:
    """A value of a recipe as its reader would write it, cut to 60 characters."""
    if isinstance(value, str):
        return clip(json.dumps(value[: SHOWN_CHARS_MAX + 1], ensure_ascii=False))
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int):
        return str(value) if value.bit_length() < 200 else f"an integer of {value.bit_length()} bits"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return f"a value of type {type(value).__name__}"


def clip(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS_MAX else text[: SHOWN_CHARS_MAX - 3] + "..."


def one_line(text: str) -> str:
    """The text, cut to 1,000 characters, with everything escaped that would break a line or confuse a terminal."""
    return printable(text if len(text) <= MESSAGE_CHARS_MAX else text[:MESSAGE_CHARS_MAX] + "...")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`, or None where none is alike."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name[:SHOWN_CHARS_MAX], known, n=1, cutoff=0.6)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean x?`, or nothing."""
    found = nearest(name, known)
    return f"; did you mean {found}?" if found else ""
