"""Which lines ftfy leaves alone, told without running it.

ftfy works line by line, and changes a line only by

1. entities: the line holds an `&`;
2. encoding: `ftfy.badness.is_bad` of the line, which needs a character outside ASCII that its patterns name: all of
   those stand below U+2E80 or at U+E000 and above;
3. single characters: controls, ligatures, widths, quotes, line ends (`_touched`);
4. normalization.

A character for which none of these can be so is safe; a line of safe characters needs no look.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, cast

import numpy as np

from data_juicer.ops.text.codepoints import CODE_POINTS, Table

Form = Literal["NFC", "NFKC", "NFD", "NFKD"]

MOJIBAKE_STOP: Final = 0x2E80  # exclusive; what the patterns of is_bad name stands below it, or from U+E000
MOJIBAKE_RESUMES: Final = 0xE000
SEGMENT_MAX: Final = 1_000_000  # characters; ftfy cuts longer lines and judges the parts


@dataclass(frozen=True, slots=True)
class Guard:
    form: Form
    table: Table
    """1 for each character that is not safe."""
    touched: frozenset[str]
    """Characters that ftfy may change one by one."""

    def is_sound(self, line: str) -> bool:
        """Whether ftfy certainly leaves this line as it is."""
        from ftfy.badness import is_bad

        return (
            len(line) <= SEGMENT_MAX
            and self.touched.isdisjoint(line)
            and unicodedata.is_normalized(self.form, line)
            and (line.isascii() or not is_bad(line))
        )


@cache
def guard_of(form: str) -> Guard:
    """The guard for one normalization; made once a process, in some 20 ms."""
    normal = cast("Form", form)
    touched = _touched()
    table = np.zeros(CODE_POINTS, np.uint8)
    table[0x80:MOJIBAKE_STOP] = 1
    table[MOJIBAKE_RESUMES:] = 1
    table[[ord(character) for character in touched]] = 1
    table[[ord(character) for character in _composing()]] = 1
    for point in range(MOJIBAKE_STOP, 0xD800):
        character = chr(point)
        if unicodedata.combining(character) or not unicodedata.is_normalized(normal, character):
            table[point] = 1
    return Guard(normal, table, touched)


def _composing() -> frozenset[str]:
    """Characters that may join with the one before them when a text is composed."""
    pairs = (unicodedata.decomposition(chr(point)).split() for point in range(0xD800))
    second = {chr(int(pair[1], 16)) for pair in pairs if len(pair) == 2 and not pair[0].startswith("<")}
    return frozenset(
        second | {chr(point) for point in range(0x1100, 0x1200)}
    )  # the parts of Hangul syllables


def _touched() -> frozenset[str]:
    """The characters that the fixes of single characters change, and those that begin what the others look for."""
    from ftfy import fixes

    single: list[Callable[[str], str]] = [
        fixes.fix_c1_controls,
        fixes.fix_latin_ligatures,
        fixes.fix_character_width,
        fixes.uncurl_quotes,
        fixes.fix_line_breaks,
        fixes.remove_control_chars,
    ]
    changed: set[str] = set()
    for first in (*range(0, 0xD800, 0x100), *range(0xE000, 0x10000, 0x100)):
        block = "".join(map(chr, range(first, first + 0x100)))
        if any(fix(block) != block for fix in single):
            changed.update(each for each in block if any(fix(each) != each for fix in single))
    return frozenset(changed | {"&", "\x1b"} | set(map(chr, range(0x80, 0xA0))))
