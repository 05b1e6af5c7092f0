"""Every match of a pattern holds a sign that was read from it."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_juicer.kernels.patterns.pattern_pairs import UNKNOWN, Signs, signs_of

PATTERNS = [
    re.compile(pattern)
    for pattern in (
        "é",
        "[é-ï]x",
        "[œŒ][^A-Za-z]",
        r"[a-z]\s?[ÃÂ][ ]",
        "^[ÃÂ] |à[²µ]",
        r"é\w|.ß[a-c]",
        "a[^b]é{2,3}ß",
        "[^é]ü|ö",
        r"é\s?ü",
    )
]
TEXT = st.text(st.sampled_from("aAbx éèœŒÃÂà²ßüö\n"), max_size=12)


def holds(signs: Signs, text: str) -> bool:
    points = list(map(ord, text))
    if any(point in signs.alone for point in points):
        return True
    return any(
        left in pair.left and right in pair.right for pair in signs.pairs for left, right in pairwise(points)
    )


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.pattern)
@given(text=TEXT)
def test_a_text_without_a_sign_has_no_match(pattern: re.Pattern[str], text: str) -> None:
    signs = signs_of(pattern)
    assert signs is not UNKNOWN
    assert holds(signs, text) or not pattern.search(text)


@pytest.mark.parametrize(
    "pattern",
    [
        re.compile("(?=a)é"),
        re.compile("(é|ü)x"),
        re.compile("éx", re.IGNORECASE),
        re.compile("ab"),  # of ASCII alone
        re.compile(r"é?\w"),
        re.compile("|".join(f"[é{chr(number)}]x{chr(number)}" for number in range(0x400, 0x450))),
    ],
    ids=lambda pattern: pattern.pattern[:12],
)
def test_of_a_pattern_not_understood_each_character_outside_ascii_is_a_sign(pattern: re.Pattern[str]) -> None:
    signs = signs_of(pattern)
    assert signs == UNKNOWN
    assert holds(signs, "é")
    assert not holds(signs, "ab")


def test_the_pattern_of_ftfy_is_understood() -> None:
    from ftfy.badness import BADNESS_RE

    signs = signs_of(BADNESS_RE)
    assert signs.alone.points == frozenset(range(0x80, 0xA0))
    assert not holds(signs, "Être œuvre “naïve” – 50 € « été », Straße № 5, Привет, Ελλάδα, £5, 中文")
