"""Which two neighbouring characters every match of a pattern must hold, read from the compiled pattern itself.

For patterns that are alternatives of a few characters each, such as ftfy's of bad text: a text in which no such two
characters are adjacent cannot match, and that is decided for a whole column at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from typing import Any, Final

import msgspec

PAIRS_MAX: Final = 64
_ASCII: Final = frozenset(range(0x80))
_FLAGS: Final = re.VERBOSE | re.UNICODE
_FREQUENT: Final = frozenset(map(ord, "вВГРСβΒΓΞΟàâó"))
"""Letters that the patterns of ftfy list although texts are full of them: a hint, by which only the speed changes."""
_WEIGHT_OF_ASCII: Final = 1000  # how much more often than another character it is in a text, roughly
_WEIGHT_OF_FREQUENT: Final = 100


class Characters(msgspec.Struct, frozen=True):
    """These code points, or, `inverted`, all but these."""

    points: frozenset[int]
    inverted: bool = False

    def __contains__(self, point: int) -> bool:
        return (point in self.points) != self.inverted

    @property
    def telling(self) -> bool:
        """Whether few texts hold one: a listed set without ASCII."""
        return not self.inverted and self.points.isdisjoint(_ASCII)

    @property
    def weight(self) -> int:
        if self.inverted:
            return _WEIGHT_OF_ASCII**2
        ascii_points, frequent = len(self.points & _ASCII), len(self.points & _FREQUENT)
        return len(self.points) + _WEIGHT_OF_ASCII * ascii_points + _WEIGHT_OF_FREQUENT * frequent


EVERY: Final = Characters(frozenset(), inverted=True)


class Pair(msgspec.Struct, frozen=True):
    """A character of `left` and directly after it one of `right`; at least one of the sets is telling."""

    left: Characters
    right: Characters

    @property
    def sign(self) -> Characters:
        """The set to look for: the smaller one that is telling."""
        return min((side for side in (self.left, self.right) if side.telling), key=lambda side: side.weight)

    @property
    def weight(self) -> int:
        return self.left.weight * self.right.weight


class Signs(msgspec.Struct, frozen=True):
    """Every match holds one of the pairs, PAIRS_MAX at most, or a character of `alone`."""

    pairs: tuple[Pair, ...]
    alone: Characters

    @property
    def listed(self) -> frozenset[int]:
        """Every code point that any of the sets names; of all others each set holds all or none."""
        sides = [side for pair in self.pairs for side in (pair.left, pair.right)]
        return frozenset().union(*(side.points for side in (*sides, self.alone)))


UNKNOWN: Final = Signs((), Characters(_ASCII, inverted=True))
"""Of a pattern that was not understood: every character outside ASCII may be a match."""


class _NotUnderstoodError(Exception):
    """The pattern has a part that this module does not know."""


def signs_of(pattern: re.Pattern[str]) -> Signs:
    """What every match of the pattern in a text that is not all ASCII holds; UNKNOWN where that is not known."""
    try:
        parser: Any = import_module("re._parser")
        if pattern.flags & ~_FLAGS:
            return UNKNOWN
        return _signs(parser.parse(pattern.pattern, pattern.flags))
    except (ImportError, AttributeError, _NotUnderstoodError):
        return UNKNOWN


def _signs(parsed: Any) -> Signs:
    pairs: list[Pair] = []
    alone: set[int] = set()
    for branch in _branches(parsed):
        runs = list(_runs(branch))
        usable = [
            Pair(left, right)
            for run in runs
            for left, right in pairwise(run)
            if left.telling or right.telling
        ]
        if usable:
            pairs.append(min(usable, key=lambda pair: pair.weight))
            continue
        single = [characters for run in runs for characters in run if characters.telling]
        if not single:
            raise _NotUnderstoodError
        alone |= min(single, key=lambda characters: characters.weight).points
    if len(pairs) > PAIRS_MAX:
        raise _NotUnderstoodError
    return Signs(tuple(pairs), Characters(frozenset(alone)))


def _branches(parsed: Any) -> list[Any]:
    if len(parsed) == 1 and str(parsed[0][0]) == "BRANCH":
        return list(parsed[0][1][1])
    return [parsed]


def _runs(branch: Any) -> Iterator[list[Characters]]:
    """The stretches of characters that are adjacent in every match of the branch."""
    run: list[Characters] = []
    for operation, argument in branch:
        kind = str(operation)
        if kind == "AT":  # a place between characters
            continue
        if kind == "MAX_REPEAT":
            yield run
            run = []
        else:
            run.append(_characters(kind, argument))
    yield run


def _characters(kind: str, argument: Any) -> Characters:
    """The set that one element of a pattern stands for, or a larger one."""
    if kind == "LITERAL":
        return Characters(frozenset([argument]))
    if kind == "NOT_LITERAL":
        return Characters(frozenset([argument]), inverted=True)
    if kind == "ANY":
        return EVERY
    if kind == "IN":
        return _listed([(str(operation), value) for operation, value in argument])
    raise _NotUnderstoodError


def _listed(members: list[tuple[str, Any]]) -> Characters:
    points: set[int] = set()
    inverted = False
    for kind, value in members:
        if kind == "NEGATE":
            inverted = True
        elif kind == "LITERAL":
            points.add(value)
        elif kind == "RANGE":
            points.update(range(value[0], value[1] + 1))
        elif kind == "CATEGORY":  # such as \w
            return EVERY
        else:
            raise _NotUnderstoodError
    return Characters(frozenset(points), inverted)
