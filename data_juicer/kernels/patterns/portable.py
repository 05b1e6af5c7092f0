"""Which regular expressions mean the same to the `regex` module and to RE2, whose time is linear."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import regex

_ESCAPED: Final = r"\\[!-/:-@\[-`{-~nt]"
_IN_CLASS: Final = rf"(?:[^\\\[\]^\-&|~]|{_ESCAPED})"
_CLASS: Final = rf"\[\^?(?:{_IN_CLASS}(?:-{_IN_CLASS})?)+\]"
_ATOM: Final = rf"(?:[^\\.^$*+?{{}}\[\]|()]|\.|{_ESCAPED}|{_CLASS})"
_COUNT: Final = r"(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})\??"
# Characters, classes and dots with counts, alternatives, and groups without counts. Left out is whatever depends on
# Unicode tables (\w, \b, case), on context (anchors, looking around) or on the engine (back references, empty loops).
_PORTABLE: Final = regex.compile(rf"(?:{_ATOM}(?:{_COUNT})?+|\((?:\?:)?+|\)(?![*+?{{])|\|)++")


def is_portable(pattern: str) -> bool:
    """Whether an expression that the `regex` module compiles has the same matches under RE2, none of them empty."""
    if not _PORTABLE.fullmatch(pattern) or regex.fullmatch(pattern, "", regex.DOTALL):
        return False
    try:
        pc.match_substring_regex(pa.array([""], pa.large_string()), pattern)
    except pa.ArrowInvalid:
        return False
    return True
