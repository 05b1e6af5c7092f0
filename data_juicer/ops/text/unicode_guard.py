"""What ftfy does to a line, told without running it, where that is sure.

ftfy works line by line and repeats, until nothing changes:

1. entities: only if the line holds an `&`;
2. encoding: only if `ftfy.badness.is_bad(line)`;
3. single characters: ligatures, widths, quotes, line ends, controls, each replaced by itself;
4. normalization.

So a line that is not bad and holds no `&` becomes what steps 3 and 4 make of it, if the result is again not bad, holds
no `&` and nothing for step 3. Characters are put into classes first: most lines of most scripts need not be looked at.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, cast

import numpy as np

from data_juicer.ops.text.codepoints import CODE_POINTS, Table

Form = Literal["NFC", "NFKC", "NFD", "NFKD"]

SAFE: Final = 0
BAD: Final = 1  # is_bad may name it
UNSTABLE: Final = 2  # normalization may change it or join it with its neighbours
TOUCHED: Final = 4  # step 3 changes it, or it is for ftfy alone

SEGMENT_MAX: Final = 1_000_000  # characters; ftfy cuts longer lines and judges the parts

UNNAMED_ALONE: Final = frozenset("вВГРСβΒΓΞΟ")
"""Letters that patterns of is_bad name only beside a character of class BAD: common ones of Cyrillic and Greek."""

_FOR_FTFY: Final = frozenset("&\x1b")
_PLANES: Final = 0x40000  # behind them nothing is assigned that ftfy or a normalization knows


@dataclass(frozen=True, slots=True)
class Guard:
    form: Form
    table: Table
    """The classes of each character, or-ed."""
    single: Mapping[str, str]
    """Step 3: what becomes of each character that it changes; line ends of two characters aside."""

    def fixed(self, line: str, classes: int) -> str | None:
        """The line as ftfy leaves it, or None where only ftfy can tell.

        Args:
            classes: those of its characters, or-ed.
        """
        if len(line) > SEGMENT_MAX or (classes & TOUCHED and not _FOR_FTFY.isdisjoint(line)):
            return None
        if classes & BAD and _is_bad(line):
            return None
        changed = self._touched(line) if classes & TOUCHED else line
        if classes & (UNSTABLE | TOUCHED):
            changed = unicodedata.normalize(self.form, changed)
        if changed == line:
            return line
        left = any(character in changed for character in _FOR_FTFY) or not self._settled(changed)
        return None if left or _is_bad(changed) else changed

    def _touched(self, line: str) -> str:
        if "\r" in line:
            line = line.replace("\r\n", "\n")
        for character in self.single.keys() & set(line):
            line = line.replace(character, self.single[character])
        return line

    def _settled(self, line: str) -> bool:
        return self.single.keys().isdisjoint(line)


def _is_bad(line: str) -> bool:
    from ftfy.badness import is_bad

    return not line.isascii() and is_bad(line)


@cache
def guard_of(form: str) -> Guard:
    """The guard for one normalization; made once a process, in some 50 ms."""
    normal = cast("Form", form)
    single = _single_fixes()
    table = np.zeros(CODE_POINTS, np.uint8)
    table[_named_by_is_bad()] |= BAD
    table[_unstable(normal)] |= UNSTABLE
    table[[ord(character) for character in (*single, *_FOR_FTFY)]] |= TOUCHED
    return Guard(normal, table, single)


def _named_by_is_bad() -> list[int]:
    """Every character outside ASCII in the text of the patterns, and all of Latin-1, where they have ranges."""
    from ftfy.badness import BADNESS_RE

    named = {
        ord(character) for character in set(BADNESS_RE.pattern) - UNNAMED_ALONE if not character.isascii()
    }
    return sorted(named | set(range(0x80, 0x100)))


def _unstable(form: Form) -> list[int]:
    """Characters of which a text is not certainly normal, whatever stands beside them."""
    found = _second_parts()
    for first in (*range(0x80, 0xD800, 0x80), *range(0xE000, _PLANES, 0x80)):
        block = [chr(point) for point in range(first, first + 0x80)]
        found |= {character for character in block if unicodedata.combining(character)}
        if not unicodedata.is_normalized(form, "".join(block)):
            found |= {character for character in block if not unicodedata.is_normalized(form, character)}
    return sorted(map(ord, found))


def _second_parts() -> set[str]:
    """Characters that may join with the one before them when a text is composed."""
    pairs = (unicodedata.decomposition(chr(point)).split() for point in range(_PLANES))
    second = {chr(int(pair[1], 16)) for pair in pairs if len(pair) == 2 and not pair[0].startswith("<")}
    return second | {chr(point) for point in range(0x1100, 0x1200)}  # the parts of Hangul syllables


def _single_fixes() -> dict[str, str]:
    """Step 3 for each character, in ftfy's order."""
    from ftfy import fixes

    steps: list[Callable[[str], str]] = [
        fixes.fix_c1_controls,
        fixes.fix_latin_ligatures,
        fixes.fix_character_width,
        fixes.uncurl_quotes,
        fixes.fix_line_breaks,
        fixes.remove_control_chars,
    ]

    def fix(text: str) -> str:
        for step in steps:
            text = step(text)
        return text

    blocks = [
        "".join(map(chr, range(first, first + 0x80)))
        for first in (*range(0, 0xD800, 0x80), *range(0xE000, 0x10000, 0x80))
    ]
    return {
        character: fixed
        for block in blocks
        if fix(block) != block
        for character in block
        if (fixed := fix(character)) != character
    }
