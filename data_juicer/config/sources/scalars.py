"""What a plain word of YAML, of a flag or of a variable means. Pure.

As PyYAML has it (YAML 1.1: `yes` and `off` are truth values), with three differences: `1e6` is a number, `1:30` is not,
and a date stays text.
"""

from __future__ import annotations

import re
from typing import Final

_TRUE: Final = frozenset({"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})
_FALSE: Final = frozenset({"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_INTEGER: Final = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)")
_NUMBER: Final = re.compile(r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?")
_INFINITE: Final = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
_NAN: Final = frozenset({".nan", ".NaN", ".NAN"})
DIGITS_MAX: Final = 1000
"""Longer runs of digits stay text: turning them into a number takes quadratic time."""


def resolve_scalar(word: str) -> str | int | float | bool | None:
    """The value of an unquoted word; what is nothing else is text."""
    if word in _NULL:
        return None
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    if len(word) > DIGITS_MAX or not word.isascii():
        return word
    if _INTEGER.fullmatch(word):
        return _integer(word)
    if _NUMBER.fullmatch(word):
        return float(word.replace("_", ""))
    if infinite := _INFINITE.fullmatch(word):
        return float(infinite[1] + "inf")
    return float("nan") if word in _NAN else word


def _integer(word: str) -> int | str:
    plain = word.replace("_", "")
    digits = plain.lstrip("+-")
    octal = len(digits) > 1 and digits.isdigit() and digits.startswith("0")
    try:
        return int(plain, 8 if octal else 0)
    except ValueError:  # 089, or 0x_
        return word
