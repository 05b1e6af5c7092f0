"""Ways to change an English text: words and characters left out, swapped, cut, misspelt, mistyped or misread.

At most three words of ten are changed, at least one and at most ten; of a word three characters of ten, at least one
and at most ten. White space and punctuation stay.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Callable, Mapping
from functools import cache
from itertools import product
from typing import Final

from data_juicer.ops.augment import tables
from data_juicer.ops.augment.draws import Draws

SHARE: Final = 0.3
CHANGES_MAX: Final = 10
LETTERS_MIN: Final = 4
"""Of a word that is cut, or whose characters are changed; misread are words of any length."""
INSERTED: Final = string.ascii_letters + string.digits + "!@#$%^&*()_+"

_WORD: Final = re.compile(r"(\w+(?:['’]\w+)*)")
_KEYS: Final = (("1234567890-", 0.0), ("qwertyuiop[", 0.5), ("asdfghjkl;'", 0.75), ("zxcvbnm,./", 1.25))
"""The rows of a keyboard, and how far each begins to the right of the first, in keys."""
_LOOK_ALIKE: Final = (
    "0OoDQ",
    "1lI|",
    "2Zz",
    "5Ss",
    "8B&",
    "6bG",
    "9gq",
    "uvy",
    "nhr",
    "cCe",
    "EF",
    "ft",
    "ij",
    "kK",
)


def delete_words(text: str, draws: Draws) -> str:
    parts = _WORD.split(text)  # a gap, a word, a gap, a word ... a gap
    words = range(1, len(parts), 2)
    if len(words) < 2:
        return text
    for place in draws.some(words, _count(len(words))):
        if place == 1 and parts[1][0].isupper():
            parts[3] = parts[3][:1].upper() + parts[3][1:]
        parts[place] = ""
        if parts[place - 1].endswith(" "):
            parts[place - 1] = parts[place - 1].rstrip(" ")
        else:
            parts[place + 1] = parts[place + 1].lstrip(" ")
    return "".join(parts)


def swap_words(text: str, draws: Draws) -> str:
    """Words and their neighbours; a capital at the head of the text stays there."""
    parts = _WORD.split(text)
    words = range(1, len(parts), 2)
    if len(words) < 2:
        return text
    capital = parts[1].istitle() and parts[1] != "I"
    if capital:
        parts[1] = parts[1].lower()
    for place in draws.some(words, _count(len(words))):
        other = place + 2 * _neighbour((place - 1) // 2, len(words), draws)
        parts[place], parts[other] = parts[other], parts[place]
    if capital:
        parts[1] = parts[1][:1].upper() + parts[1][1:]
    return "".join(parts)


def misspell_words(text: str, draws: Draws) -> str:
    errors = tables.words(tables.SPELLING_ERRORS)

    def misspelt(word: str) -> str:
        wrong = draws.one(errors[word.lower()])
        return wrong.capitalize() if word.istitle() else wrong.upper() if word.isupper() else wrong

    return _some_words(text, draws, lambda word: word.lower() in errors, misspelt)


def split_words(text: str, draws: Draws) -> str:
    def split(word: str) -> str:
        cut = 1 + draws.below(len(word) - 1)
        return f"{word[:cut]} {word[cut:]}"

    return _some_words(text, draws, _is_long, split)


def mistype(text: str, draws: Draws) -> str:
    """Characters that are beside the right ones on a keyboard."""
    return _some_characters(text, draws, _keyboard(), shortest=LETTERS_MIN, at_least=1)


def misread(text: str, draws: Draws) -> str:
    """Characters that look like the right ones."""
    return _some_characters(text, draws, _look_alikes(), shortest=1, at_least=2)


def delete_characters(text: str, draws: Draws) -> str:
    def shorter(word: str) -> str:
        gone = frozenset(draws.some(range(len(word)), _count(len(word))))
        return "".join(character for place, character in enumerate(word) if place not in gone)

    return _some_words(text, draws, _is_long, shorter)


def swap_characters(text: str, draws: Draws) -> str:
    """Characters and their neighbours in a word; capitals stay where they are."""

    def swapped(word: str) -> str:
        letters = list(word)
        for place in draws.some(range(len(word)), _count(len(word))):
            other = place + _neighbour(place, len(word), draws)
            letters[place], letters[other] = letters[other], letters[place]
        return "".join(map(_with_case, letters, word))

    return _some_words(text, draws, _is_long, swapped)


def insert_characters(text: str, draws: Draws) -> str:
    def longer(word: str) -> str:
        letters = list(word)
        for place in sorted(draws.some(range(len(word)), _count(len(word))), reverse=True):
            letters.insert(place, draws.one(INSERTED))
        return "".join(letters)

    return _some_words(text, draws, _is_long, longer)


def _count(size: int, at_least: int = 1) -> int:
    return min(max(math.ceil(SHARE * size), at_least), CHANGES_MAX)


def _is_long(word: str) -> bool:
    return len(word) >= LETTERS_MIN


def _neighbour(place: int, size: int, draws: Draws) -> int:
    """-1 or 1: the way from a place to one beside it."""
    if place in {0, size - 1}:
        return 1 if place == 0 else -1
    return 1 if draws.chance(0.5) else -1


def _with_case(letter: str, pattern: str) -> str:
    changed = letter.upper() if pattern.isupper() else letter.lower()
    return changed if len(changed) == 1 else letter


def _some_words(text: str, draws: Draws, fits: Callable[[str], bool], change: Callable[[str], str]) -> str:
    """The text with some of the words changed that fit; their number follows from that of all words."""
    parts = _WORD.split(text)
    fitting = [place for place in range(1, len(parts), 2) if fits(parts[place])]
    for place in sorted(draws.some(fitting, _count(len(parts) // 2))):
        parts[place] = change(parts[place])
    return "".join(parts)


def _some_characters(
    text: str, draws: Draws, others: Mapping[str, str], *, shortest: int, at_least: int
) -> str:
    """The text with some characters of some words replaced by one of their others."""

    def fits(word: str) -> bool:
        return len(word) >= shortest and any(map(others.__contains__, word))

    def replaced(word: str) -> str:
        letters = list(word)
        known = [place for place, letter in enumerate(word) if letter in others]
        for place in draws.some(known, _count(len(word), at_least)):
            letters[place] = draws.one(others[letters[place]])
        return "".join(letters)

    return _some_words(text, draws, fits, replaced)


@cache
def _keyboard() -> Mapping[str, str]:
    """Character -> those of the keys around its own; a capital's are capitals."""
    keys = [
        (key, row, start + place)
        for row, (row_keys, start) in enumerate(_KEYS)
        for place, key in enumerate(row_keys)
    ]
    near: dict[str, str] = {}
    for (key, row, place), (other, other_row, other_place) in product(keys, keys):
        if key != other and abs(row - other_row) <= 1 and abs(place - other_place) <= 1:
            near[key] = near.get(key, "") + other
    return {**near, **{key.upper(): others.upper() for key, others in near.items() if key.isalpha()}}


@cache
def _look_alikes() -> Mapping[str, str]:
    return {letter: group.replace(letter, "") for group in _LOOK_ALIKE for letter in group}
