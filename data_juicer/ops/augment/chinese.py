"""Ways to change a Chinese text: each place where something can be changed is, one time in twenty, and one at least."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from data_juicer.ops.augment import tables
from data_juicer.ops.augment.draws import Draws

RATE: Final = 0.05
DELETABLE_MIN: Final = 4
"""A text with fewer Chinese characters loses none."""

_SAME_NUMBER: Final = (
    "0零〇", "1一壹①", "2二贰②", "3三叁③", "4四肆④", "5五伍⑤", "6六陆⑥", "7七柒⑦", "8八捌⑧", "9九玖⑨"
)  # fmt: skip


def replace_words(text: str, draws: Draws) -> str:
    """Words by similar ones."""
    similar = tables.words(tables.SIMILAR_WORDS)
    words = _known_words(text)
    for start in sorted(_chosen(list(words), draws), reverse=True):  # from the end, since lengths may change
        word = words[start]
        text = text[:start] + draws.one(similar[word]) + text[start + len(word) :]
    return text


def replace_homophones(text: str, draws: Draws) -> str:
    """Characters by others of the same sound."""
    return _replaced(text, tables.homophones(), draws)


def replace_numbers(text: str, draws: Draws) -> str:
    """Digits and numerals by other signs for the same number."""
    return _replaced(text, _same_number(), draws)


def delete_characters(text: str, draws: Draws) -> str:
    """Chinese characters with no digit beside them, as the units of dates and numbers have."""
    chinese = [place for place, character in enumerate(text) if is_chinese(character)]
    if len(chinese) < DELETABLE_MIN:
        return text
    free = [place for place in chinese if not any(map(str.isdecimal, text[max(place - 1, 0) : place + 2]))]
    gone = _chosen(free, draws)
    return "".join(character for place, character in enumerate(text) if place not in gone)


def swap_characters(text: str, draws: Draws) -> str:
    """Chinese characters and those after them."""
    letters = list(text)
    pairs = [
        place
        for place in range(len(text) - 1)
        if is_chinese(text[place]) and is_chinese(text[place + 1]) and text[place] != text[place + 1]
    ]
    for place in sorted(_chosen(pairs, draws)):
        letters[place], letters[place + 1] = letters[place + 1], letters[place]
    return "".join(letters)


def is_chinese(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def _chosen(positions: Sequence[int], draws: Draws) -> frozenset[int]:
    if not positions:
        return frozenset()
    return frozenset(place for place in positions if draws.chance(RATE)) or frozenset((draws.one(positions),))


def _replaced(text: str, others: Mapping[str, str], draws: Draws) -> str:
    letters = list(text)
    for place in sorted(_chosen([place for place, letter in enumerate(text) if letter in others], draws)):
        letters[place] = draws.one(others[letters[place]])
    return "".join(letters)


def _known_words(text: str) -> dict[int, str]:
    """Place -> the longest word of the table that begins there, from left to right, without overlaps."""
    similar = tables.words(tables.SIMILAR_WORDS)
    sizes = _word_sizes()
    found: dict[int, str] = {}
    place = 0
    while place < len(text):
        word = next(
            (text[place : place + size] for size in sizes if text[place : place + size] in similar), ""
        )
        if word:
            found[place] = word
        place += len(word) or 1
    return found


@cache
def _word_sizes() -> tuple[int, ...]:
    """The lengths of the words of the table, the greatest first."""
    return tuple(sorted({len(word) for word in tables.words(tables.SIMILAR_WORDS)}, reverse=True))


@cache
def _same_number() -> Mapping[str, str]:
    return {sign: group.replace(sign, "") for group in _SAME_NUMBER for sign in group}
