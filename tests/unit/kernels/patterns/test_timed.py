"""A pattern that is plainly one string is that string and nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data_juicer.kernels.patterns.timed import TimedPattern, literal_of

PIECES = st.sampled_from(
    [*"ab \n.^$*+?{}[]()|\\-#&~é", r"\n", r"\t", r"\.", r"\\", r"\d", r"\b", r"\1", r"\x41", r"\Z"]
)
PATTERNS = st.lists(PIECES, max_size=4).map("".join)


@given(pattern=PATTERNS, text=st.lists(PIECES, max_size=12).map("".join))
@example(pattern=r"\n\n", text="a\n\nb\n\n\nc")
def test_a_plain_string_splits_as_its_pattern_does(pattern: str, text: str) -> None:
    literal = literal_of(pattern)
    if literal is not None:
        assert re.fullmatch(pattern, literal)
        assert TimedPattern(pattern, "p").split(text) == re.split(pattern, text)


@pytest.mark.parametrize("pattern", ["a.b", "a|b", r"\d", r"\x41", "[a]", "(a)", "a{2}", ""])
def test_what_means_more_than_one_string_is_none(pattern: str) -> None:
    assert literal_of(pattern) is None
