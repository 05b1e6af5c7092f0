"""Plain values: what JSON can hold, copied from what a caller hands over. Pure."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any, Final

from data_juicer.config.wording import show

DEPTH_MAX: Final = 64
NODES_MAX: Final = 200_000
"""Values in one recipe, those that aliases or shared objects repeat counted each time."""
INTEGER_BITS_MAX: Final = 4096
PATH_CHARS_MAX: Final = 200
"""A path of keys for messages grows no further, so that deep nesting of long keys costs no memory."""


class InvalidValueError(ValueError):
    """A value that a setting cannot have. `below` is the part of the setting that is meant, such as `[3]`."""

    def __init__(self, text: str, below: str = "") -> None:
        super().__init__(text)
        self.below = below


def deeper(path: str, part: str) -> str:
    return path + part if len(path) < PATH_CHARS_MAX else path


def plain_copy(value: Any) -> Any:
    """The value as dicts, lists, texts, finite numbers, truth values and null; tuples become lists, paths texts.

    Raises: InvalidValueError: it holds anything else, text that is no Unicode, or is too deep (64) or too large.
    """
    return _Copier().copy(value, "", 0)


class _Copier:
    def __init__(self) -> None:
        self.nodes = 0

    def copy(self, value: Any, below: str, depth: int) -> Any:
        self.nodes += 1
        if depth > DEPTH_MAX:
            raise InvalidValueError(f"nested more than {DEPTH_MAX} deep")
        if self.nodes > NODES_MAX:
            raise InvalidValueError(f"more than {NODES_MAX} values")
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        if isinstance(value, Mapping):
            return {
                self._key(key, below): self.copy(inner, deeper(below, f".{key}"), depth + 1)
                for key, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [
                self.copy(inner, deeper(below, f"[{index}]"), depth + 1) for index, inner in enumerate(value)
            ]
        if not _is_plain(value):
            raise InvalidValueError(f"{show(value)} is not a value that JSON can hold", below)
        return value

    def _key(self, key: Any, below: str) -> str:
        if isinstance(key, str) and _is_plain(key):
            return key
        raise InvalidValueError(f"{show(key)} cannot be a key; keys are text", below)


def _is_plain(value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, int):
        return value.bit_length() <= INTEGER_BITS_MAX
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str) and is_unicode(value)


def is_unicode(text: str) -> bool:
    """Whether the text can be written as UTF-8: it holds no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
