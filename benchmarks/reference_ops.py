"""The operators as one writes them straightforwardly, one Python string at a time.

They say what the column versions must give (property tests hold both against each other), and what the benchmark
measures them by.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import ftfy
import regex

from data_juicer.kernels.characters.special_characters import SPECIAL_CHARACTERS
from data_juicer.ops.mapper.clean_email_mapper import CleanEmailMapper
from data_juicer.ops.mapper.clean_ip_mapper import CleanIpMapper
from data_juicer.ops.mapper.clean_links_mapper import CleanLinksMapper
from data_juicer.ops.mapper.punctuation_normalization_mapper import PUNCTUATION
from data_juicer.ops.mapper.whitespace_normalization_mapper import KINDS

PerRow = Callable[[str], Any]


def _substituting(pattern: str) -> PerRow:
    compiled = regex.compile(pattern, flags=regex.DOTALL)
    return lambda text: compiled.sub("", text) if compiled.search(text) else text


def whitespace(text: str) -> str:
    return "".join(" " if character in KINDS else character for character in text.strip())


def punctuation(text: str) -> str:
    return "".join(PUNCTUATION.get(character, character) for character in text)


def fix_unicode(text: str) -> str:
    return ftfy.fix_text(text, normalization="NFC")


def alphanumeric(text: str) -> float:
    return sum(character.isalnum() for character in text) / len(text) if text else 0.0


def average_line_length(text: str) -> float:
    lines = text.splitlines()
    return len(text) / len(lines) if lines else 0.0


def maximum_line_length(text: str) -> int:
    return max(map(len, text.splitlines()), default=0)


def character_repetition(text: str, n: int = 10) -> float:
    counts = sorted(Counter(text[i : i + n] for i in range(len(text) - n + 1)).values(), reverse=True)
    repeated = sum(count > 1 for count in counts)
    frequent = min(math.isqrt(len(counts)), repeated)
    return sum(counts[:frequent]) / sum(counts) if counts else 0.0


def special_characters(text: str) -> float:
    return sum(character in SPECIAL_CHARACTERS for character in text) / len(text) if text else 0.0


def strip_special(word: str) -> str:
    start, stop = 0, len(word)
    while start < stop and word[start] in SPECIAL_CHARACTERS:
        start += 1
    while stop > start and word[stop - 1] in SPECIAL_CHARACTERS:
        stop -= 1
    return word[start:stop]


def words(text: str, *, lower: bool = False, strip: bool = True) -> list[str]:
    split = [word for word in regex.split("[ \n\t]", text) if word]
    if lower:
        split = [word.lower() for word in split]
    if strip:
        split = [stripped for word in split if (stripped := strip_special(word))]
    return split


def words_num(text: str) -> int:
    return len(words(text))


REFERENCES: dict[str, PerRow] = {
    "clean_links_mapper": _substituting(CleanLinksMapper.default_pattern),
    "clean_email_mapper": _substituting(CleanEmailMapper.default_pattern),
    "clean_ip_mapper": _substituting(CleanIpMapper.default_pattern),
    "whitespace_normalization_mapper": whitespace,
    "fix_unicode_mapper": fix_unicode,
    "punctuation_normalization_mapper": punctuation,
    "alphanumeric_filter": alphanumeric,
    "average_line_length_filter": average_line_length,
    "maximum_line_length_filter": maximum_line_length,
    "character_repetition_filter": character_repetition,
    "special_characters_filter": special_characters,
    "text_length_filter": len,
    "words_num_filter": words_num,
}
"""With default parameters: text -> text of a mapper, text -> figure of a filter."""
