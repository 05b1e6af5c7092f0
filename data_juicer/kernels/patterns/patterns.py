r"""Substitution by regular expressions that cannot run away.

Patterns mean what they mean to the `regex` module with DOTALL, as DataJuicer runs them. One that RE2 can express with
the same meaning is run by RE2, in time linear in the text; any other by `regex` with a time limit for each row. RE2
and backtracking engines agree on the leftmost match and on the order of alternatives; what differs is refused here:
\b, ^, $ and look-around, references, case folding, matches of nothing. \d, \w and \s are written out, since
RE2 has them in ASCII only.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data_juicer.errors import ConfigError
from data_juicer.kernels.characters.codepoints import CODE_POINTS, Table
from data_juicer.kernels.keep import keep_characters
from data_juicer.kernels.patterns.timed import LimitedPattern

_PUNCTUATION: Final = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_CONTROLS: Final = {"n": "\\n", "t": "\\t", "r": "\\r", "f": "\\f", "v": "\\x0b"}
_REPEAT_MAX: Final = 1000  # RE2 refuses more


def plain_pattern(pattern: str) -> str:
    """The pattern without the `r'...'` that recipes put around it."""
    quoted = len(pattern) > 2 and pattern[:2] in {"r'", 'r"'} and pattern[-1] == pattern[1]
    return pattern[2:-1] if quoted else pattern


class Substitution:
    """Replaces every match of a pattern in a column."""

    def __init__(self, pattern: str, replacement: str) -> None:
        """Raises: ConfigError: the pattern is no regular expression, or the replacement names a group it lacks."""
        import regex

        try:
            self._slow = LimitedPattern(regex.compile(pattern, flags=regex.DOTALL))
        except regex.error as error:
            raise ConfigError(f"pattern {pattern!r} is no regular expression: {error}") from None
        self._replacement = replacement
        linear = None if "\\" in replacement else linear_pattern(pattern)
        self._linear = linear if linear is not None and _compiles(linear) else None
        self._kept = None if replacement or self._linear else kept_characters(pattern)

    def column(self, column: pa.Array) -> pa.Array:
        """The column with every match replaced.

        Raises: TimeoutError: a row took longer than `kernels.patterns.timed` allows.
        """
        if self._kept is not None:
            return keep_characters(column, self._kept)
        if self._linear is not None:
            return pc.replace_substring_regex(column, self._linear, self._replacement)
        return pa.array([self.text(text) for text in column.to_pylist()], pa.large_string())

    def text(self, text: str) -> str:
        """One text with every match replaced, by the `regex` module."""
        return self._slow.sub(self._replacement, text)


def _compiles(linear: str) -> bool:
    try:
        pc.match_substring_regex(pa.array([""], pa.large_string()), linear)
    except pa.ArrowInvalid:  # too large when written out
        return False
    return True


def linear_pattern(pattern: str) -> str | None:
    """The pattern for RE2, or None where no RE2 pattern certainly has the same matches."""
    import regex

    translated = _Translation(pattern).run()
    if translated is None or regex.search(pattern, "", flags=regex.DOTALL) is not None:
        return None
    return f"(?s){translated}"


@cache
def kept_characters(pattern: str) -> Table | None:
    r"""A 1 for each character that a pattern of one property, such as \p{P}, leaves; None of any other pattern."""
    import regex

    if not regex.fullmatch(r"\\[pP](?:[A-Z]|\{\^?\w+\})\+?", pattern):
        return None
    kept = np.ones(CODE_POINTS, np.uint8)
    kept[[*map(ord, regex.findall(pattern.removesuffix("+"), _every_character()))]] = 0
    return kept


def _every_character() -> str:
    return "".join(chr(point) for point in range(CODE_POINTS) if not 0xD800 <= point < 0xE000)


class _Translation:
    """Reads a pattern once from left to right; `run` gives None at the first thing that is not surely the same."""

    def __init__(self, pattern: str) -> None:
        self._rest = pattern

    def run(self) -> str | None:
        parts: list[str] = []
        while self._rest:
            part = self._part()
            if part is None:
                return None
            parts.append(part)
        return "".join(parts)

    def _take(self, count: int = 1) -> str:
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def _part(self) -> str | None:
        head = self._rest[0]
        if head == "[":
            return self._character_class()
        if head == "{":
            return self._repeat()
        if head == "\\":
            return self._escape(in_class=False)
        if head in "^$":
            return None
        if head == "(":
            if self._rest.startswith("(?:"):
                return self._take(3)
            return None if self._rest.startswith("(?") else "(" if self._take() else None
        if head in "*+?":
            taken = self._take()
            if self._rest[:1] == "+" or (self._rest[:1] == "?" and self._rest[1:2] in {"?", "+", "*"}):
                return None  # possessive, or repeated repeats
            return taken
        return self._take()

    def _repeat(self) -> str | None:
        body, closed, _ = self._rest[1:].partition("}")
        numbers = body.split(",")
        counted = closed and len(numbers) <= 2 and all(part.isascii() and part.isdigit() for part in numbers)
        if not counted or max(map(int, numbers)) > _REPEAT_MAX:
            return None
        taken = self._take(len(body) + 2)
        return None if self._rest[:1] == "+" else taken

    def _escape(self, *, in_class: bool) -> str | None:
        escaped = self._rest[1:2]
        self._take(2)
        if escaped in _PUNCTUATION and escaped:
            return f"\\{escaped}"
        if escaped in _CONTROLS and escaped:
            return _CONTROLS[escaped]
        if escaped in {"d", "w", "s"}:
            return _written_out(escaped) if in_class else f"[{_written_out(escaped)}]"
        if escaped in {"D", "W", "S"} and not in_class:
            return f"[^{_written_out(escaped.lower())}]"
        return None

    def _character_class(self) -> str | None:
        parts = [self._take()]
        if self._rest[:1] == "^":
            parts.append(self._take())
        if self._rest[:1] in {"]", ""}:
            return None
        while self._rest and self._rest[0] != "]":
            if self._rest[0] == "[" or self._rest[:2] in {"--", "&&", "||", "~~"}:
                return None  # POSIX classes and set operations
            part = self._escape(in_class=True) if self._rest[0] == "\\" else self._take()
            if part is None:
                return None
            parts.append(part)
        return "".join([*parts, self._take()]) if self._rest else None


@cache
def _written_out(letter: str) -> str:
    r"""The characters of \d, \w or \s as the `regex` module has them, as ranges of an RE2 class."""
    import regex

    found = map(ord, regex.findall(rf"\{letter}", _every_character()))
    ranges: list[list[int]] = []
    for point in found:
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "".join(f"\\x{{{first:x}}}-\\x{{{last:x}}}" for first, last in ranges)
