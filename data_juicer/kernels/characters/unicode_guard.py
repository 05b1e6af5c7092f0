"""What ftfy does to a line, found without running it, where that is certain.

ftfy works line by line and repeats, until nothing changes:

1. entities: only if `HTML_ENTITY_RE` finds one;
2. encoding: only if the line is not all ASCII and `ftfy.badness.is_bad(line)`;
3. single characters: ligatures, widths, quotes, line ends, controls, each replaced by itself;
4. normalization.

So a line that is not bad and holds no entity becomes what steps 3 and 4 make of it, if the result is again not bad, holds
no entity and nothing for step 3. Kinds of characters tell which lines need not be looked at, see `unicode_kinds`:
a line that holds no sign of bad text is not bad, and one in which only curled quotes and wide characters are replaced
by ASCII, without a sign afterwards, is done then.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, cast

import msgspec
import numpy as np

from data_juicer.kernels.characters.codepoints import CODE_POINTS, Table
from data_juicer.kernels.characters.unicode_kinds import BAD, Fixes, Form, Kinds, kinds_of
from data_juicer.kernels.patterns.pattern_pairs import signs_of

SEGMENT_MAX: Final = 1_000_000  # characters; ftfy cuts longer lines and judges the parts

_ESCAPE: Final = "\x1b"
_FOR_FTFY: Final = frozenset(["&", _ESCAPE])


class Guard(msgspec.Struct, frozen=True):
    form: Form
    kinds: Kinds
    single: Mapping[str, str]
    """Step 3: what becomes of each character that it changes; line ends of two characters aside."""
    quick: Table
    """What becomes of each character that is QUICK."""

    def fixed(self, line: str, flags: int) -> str | None:
        """The line as ftfy leaves it, or None where only ftfy can tell.

        Args:
            flags: what its characters ask for, or-ed.
        """
        if len(line) > SEGMENT_MAX or _has_entity(line) or (flags & BAD and _is_bad(line)):
            return None
        changed = unicodedata.normalize(self.form, self._touched(line)) if flags & ~BAD else line
        if changed == line:
            return line
        left = _has_entity(changed) or not self.single.keys().isdisjoint(changed)
        return None if left or _is_bad(changed) else changed

    def _touched(self, line: str) -> str:
        if "\r" in line:
            line = line.replace("\r\n", "\n")
        for character in self.single.keys() & set(line):
            line = line.replace(character, self.single[character])
        return line


def _has_entity(line: str) -> bool:
    """Whether ftfy takes it for HTML or for what a terminal obeys."""
    from ftfy.chardata import HTML_ENTITY_RE

    return _ESCAPE in line or ("&" in line and HTML_ENTITY_RE.search(line) is not None)


def _is_bad(line: str) -> bool:
    from ftfy.badness import is_bad

    return not line.isascii() and is_bad(line)


@cache
def guard_of(form: str) -> Guard:
    """The guard for one normalization; made once a process, in some 100 ms."""
    from ftfy.badness import BADNESS_RE

    normal = cast("Form", form)
    fixes = Fixes(_single_fixes(), _FOR_FTFY)
    quick = np.zeros(CODE_POINTS, np.uint8)
    for old, new in fixes.quick().items():
        quick[old] = new
    return Guard(normal, kinds_of(normal, signs_of(BADNESS_RE), fixes), fixes.single, quick)


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
