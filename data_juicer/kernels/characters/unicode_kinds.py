"""Kinds of characters, as far as ftfy and normalization tell them apart, and what one does beside another."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Final, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from data_juicer.kernels.characters.codepoints import CODE_POINTS, Counts
from data_juicer.kernels.characters.utf8_positions import Data, Finder, after, before, points_at
from data_juicer.kernels.patterns.pattern_pairs import Signs

Form = Literal["NFC", "NFKC", "NFD", "NFKD"]
Flags = npt.NDArray[np.uint8]

SAFE: Final = 0
BAD: Final = 1  # is_bad may be true because of it
UNSTABLE: Final = 2  # normalization may change it or join it with its neighbours
TOUCHED: Final = 4  # it is fixed by itself, or it is for ftfy alone
QUICK: Final = 8  # it becomes one ASCII character, and that changes nothing else

_PLANES: Final = 0x40000  # after them nothing is assigned that ftfy or a normalization knows
_JAMO: Final = range(0x1100, 0x1200)  # the parts of Hangul syllables
_BLOCK: Final = 0x80
_LAST_MARK: Final = "\u0345"  # no mark comes after it, and any other one changes places with it
_OTHER: Final = -1  # stands for every code point that is not distinguished from others
_UNKNOWN_KIND: Final = 0  # theirs


class Fixes(msgspec.Struct, frozen=True):
    """What is done to single characters."""

    single: Mapping[str, str]
    """What each of them becomes; those that stay are not in it."""
    for_ftfy: frozenset[str]
    """Characters of which only ftfy knows what becomes of them."""

    def quick(self) -> dict[int, int]:
        """Those that become one ASCII character which is in no way special."""
        special = {*self.single, *self.for_ftfy, *"<>\r\n"}
        return {
            ord(old): ord(new)
            for old, new in self.single.items()
            if len(new) == 1
            and new.isascii()
            and not special & {new}
            and old != "\r"
            and not unicodedata.combining(old)
        }


class Kinds(msgspec.Struct, frozen=True):
    of_point: npt.NDArray[np.uint16]
    """The kind of each code point, shape (CODE_POINTS,)."""
    alone: Flags
    """What a character of each kind asks for by itself, shape (kinds,)."""
    beside: Flags
    """What it asks for with one of another kind right after it, shape (kinds, kinds)."""
    finder: Finder
    """Finds the characters that ask for something, alone or with some other beside them."""

    def work(self, data: Data) -> tuple[Counts, Flags]:
        """The byte positions of characters that ask for work, in order, and for what; no flag is SAFE."""
        positions, points = self.finder.positions(data)
        kind = self.of_point[points]
        left = self._kinds_at(data, before(data, positions), positions)
        right = self._kinds_at(data, after(data, positions), positions)
        flags = self.alone[kind] | self.beside[left, kind] | self.beside[kind, right]
        asks = flags != SAFE
        return positions[asks], flags[asks]

    def _kinds_at(self, data: Data, neighbours: Counts, positions: Counts) -> npt.NDArray[np.uint16]:
        """The kinds of neighbours; beyond the ends of the data is a character of which nothing is known."""
        kinds = self.of_point[points_at(data, neighbours)]
        kinds[neighbours == positions] = _UNKNOWN_KIND
        return kinds


class _Features(NamedTuple):
    """What characters of one kind have in common."""

    flags: int
    order: int  # canonical combining class
    joins: bool  # normalization may join it with the character before
    joined: bool  # a character that joins after it needs a closer look
    left: int  # bit k, of 64: it may be the left one of pair k
    right: int  # ... the right one
    left_then: int  # the same of what it becomes when it is fixed
    right_then: int


def kinds_of(form: Form, signs: Signs, fixes: Fixes) -> Kinds:
    """The kinds for one normalization and the signs of bad text."""
    quick = fixes.quick()
    touched = {ord(character) for character in (*fixes.single, *fixes.for_ftfy)}
    unstable = _unstable_alone(form)
    firsts, seconds = _parts()
    joined = {*_decompositions(), *firsts, *seconds, *_marks(), *unstable, *touched}
    listed = signs.listed

    @cache
    def sides(point: int) -> tuple[int, int]:
        left = sum(1 << number for number, pair in enumerate(signs.pairs) if point in pair.left)
        right = sum(1 << number for number, pair in enumerate(signs.pairs) if point in pair.right)
        return left, right

    def features(point: int) -> _Features:
        flags = (BAD if point in signs.alone else SAFE) | (UNSTABLE if point in unstable else SAFE)
        flags |= QUICK if point in quick else TOUCHED if point in touched else SAFE
        then = quick.get(point, point)
        return _Features(
            flags,
            unicodedata.combining(chr(point)) if point in joined else 0,
            point in seconds,
            point in joined,
            *sides(point if point in listed else _OTHER),
            *sides(then if then in listed else _OTHER),
        )

    known = sorted(listed | joined)
    numbers: dict[_Features, int] = {}
    of_point = np.full(CODE_POINTS, numbers.setdefault(features(_OTHER), _UNKNOWN_KIND), np.uint16)
    of_point[known] = [numbers.setdefault(features(point), len(numbers)) for point in known]
    alone = np.array([kind.flags for kind in numbers], np.uint8)
    wanted = (alone[of_point] != SAFE).astype(np.uint8)
    wanted[[*seconds, *_marks(), *(point for pair in signs.pairs for point in pair.sign.points)]] = 1
    return Kinds(of_point, alone, _beside(list(numbers)), Finder(wanted))


def _beside(kinds: list[_Features]) -> Flags:
    """What each kind asks for with each other one right after it, shape (kinds, kinds)."""
    order = np.array([kind.order for kind in kinds])
    joined, joins = np.array([(kind.joined, kind.joins) for kind in kinds]).T
    fixed = np.array([bool(kind.flags & QUICK) for kind in kinds])
    now = _meet([kind.left for kind in kinds], [kind.right for kind in kinds])
    then = _meet([kind.left_then for kind in kinds], [kind.right_then for kind in kinds])
    then &= fixed[:, None] | fixed
    unstable = (order[:, None] > order) & (order > 0) | (joined[:, None] & joins)
    flags: Flags = (now * BAD | unstable * UNSTABLE | then * TOUCHED).astype(np.uint8)
    return flags


def _meet(left: list[int], right: list[int]) -> npt.NDArray[np.bool_]:
    """Where one of `left` and one of `right` have a bit in common."""
    met: npt.NDArray[np.bool_] = (np.array(left, np.uint64)[:, None] & np.array(right, np.uint64)) != 0
    return met


def _unstable_alone(form: Form) -> set[int]:
    """Characters of which a text is not normal, whatever is beside them, and the parts of Hangul."""
    found = set(_JAMO)
    for block in _blocks():
        if not unicodedata.is_normalized(form, block):
            found |= {ord(character) for character in block if not unicodedata.is_normalized(form, character)}
    return found


@cache
def _blocks() -> tuple[str, ...]:
    """All characters in blocks of some, halves of surrogate pairs left out: to ask of a block is faster than of each character."""
    points = np.arange(_PLANES, dtype="<u4")
    return tuple(
        points[first : first + _BLOCK].tobytes().decode("utf-32-le")
        for first in (*range(0, 0xD800, _BLOCK), *range(0xE000, _PLANES, _BLOCK))
    )


@cache
def _marks() -> frozenset[int]:
    """Characters that may change places with their neighbours."""
    return frozenset(
        ord(character)
        for block in _blocks()
        if not unicodedata.is_normalized("NFD", _LAST_MARK.join(block))
        for character in (*block, _LAST_MARK)
        if unicodedata.combining(character)
    )


@cache
def _decompositions() -> Mapping[int, list[int]]:
    """The canonical ones, Hangul syllables aside."""
    parts = (
        (character, unicodedata.decomposition(character))
        for block in _blocks()
        if not unicodedata.is_normalized("NFD", block)
        for character in block
    )
    return {
        ord(character): [int(part, 16) for part in found.split()]
        for character, found in parts
        if found and found[0] != "<"
    }


def _parts() -> tuple[frozenset[int], frozenset[int]]:
    """Characters that join with one after them when a text is composed, and those that join with one before them."""
    pairs = [
        pair
        for whole, pair in _decompositions().items()
        if len(pair) == 2 and unicodedata.is_normalized("NFC", chr(whole))
    ]
    return frozenset(first for first, _ in pairs), frozenset(second for _, second in pairs)
