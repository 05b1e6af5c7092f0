"""A bound for regular expressions that need a backtracking engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import regex

LIMIT_S: Final = 10.0
"""Seconds that one expression may work on one text; then it raises TimeoutError and the row is a dead letter."""


_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_LITERAL: Final = re.compile(r"(?:[^\\.^$*+?{}\[\]|()]|\\[ntrfv]|\\[^0-9A-Za-z])+")


def literal_of(pattern: str) -> str | None:
    """The one string that a regular expression matches, where that is plain to see."""
    if not _LITERAL.fullmatch(pattern):
        return None
    return re.sub(r"\\(.)", lambda escape: _CONTROLS.get(escape[1], escape[1]), pattern, flags=re.DOTALL)


class TimedPattern:
    """A regular expression out of a recipe, as Python's `re` has it, of which no call takes longer than `LIMIT_S`.

    Methods raise TimeoutError: it took longer.
    """

    def __init__(self, pattern: str, name: str) -> None:
        """Raises: ValueError: no regular expression; `name` is what the recipe calls it."""
        import regex

        try:
            self._compiled: regex.Pattern[str] = regex.compile(pattern, regex.VERSION0)
        except regex.error as error:
            raise ValueError(f"{name} {pattern!r}: {error}") from error
        self.pattern = pattern
        self.literal = literal_of(pattern)

    @property
    def groups(self) -> int:
        return int(self._compiled.groups)

    def is_in(self, text: str) -> bool:
        return self._compiled.search(text, timeout=LIMIT_S) is not None

    def split(self, text: str) -> Sequence[str | None]:
        if self.literal:
            return text.split(self.literal)
        parts: list[str | None] = self._compiled.split(text, timeout=LIMIT_S)
        return parts

    def matches(self, text: str) -> Iterator[regex.Match[str]]:
        found: Iterator[regex.Match[str]] = self._compiled.finditer(text, timeout=LIMIT_S)
        return found

    def sub(self, replaced: Callable[[Any], str], text: str) -> str:
        changed: str = self._compiled.sub(replaced, text, timeout=LIMIT_S)
        return changed
