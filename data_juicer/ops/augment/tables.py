"""The tables of this package that say what stands for what; where they come from: docs/assets.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Final

import msgspec

SPELLING_ERRORS: Final = "spelling_errors_en.json"
"""English word -> how it is misspelt, joined by spaces."""
SIMILAR_WORDS: Final = "similar_words_zh.json"
"""Chinese word -> words of like meaning, joined by spaces."""
HOMOPHONES: Final = "homophones_zh.json"
"""Sound -> the Chinese characters that are read so."""

_FOLDER: Final = os.path.join(os.path.dirname(os.path.dirname(__file__)), "assets")


def path_of(table: str) -> str:
    return os.path.join(_FOLDER, table)


@cache
def words(table: str) -> Mapping[str, tuple[str, ...]]:
    """Word -> the words that can stand for it."""
    return {word: tuple(others.split(" ")) for word, others in _load(table).items()}


@cache
def homophones() -> Mapping[str, str]:
    """Character -> the other characters that sound like it."""
    return {
        character: group.replace(character, "") for group in _load(HOMOPHONES).values() for character in group
    }


def _load(table: str) -> dict[str, str]:
    with open(path_of(table), "rb") as stream:
        return msgspec.json.decode(stream.read(), type=dict[str, str])
