"""Expressions that are given to RE2 have the matches that the `regex` module finds."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import regex
from hypothesis import assume, given
from hypothesis import strategies as st

from data_juicer.kernels.patterns.portable import is_portable

ATOMS = st.sampled_from(["a", "b", "é", "中", ".", "[ab]", "[^a]", "[a-c]", r"\.", r"\n", "-", " ", "[é中]"])
COUNTS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,2}", "{0,}", "*?", "+?", "??", "{1,2}?"])
PARTS = st.tuples(ATOMS, COUNTS).map("".join) | st.just("|")
JOINED = st.lists(PARTS, min_size=1, max_size=4).map("".join)
GROUPS = st.tuples(st.sampled_from(["(", "(?:"]), JOINED, st.just(")")).map("".join)
PATTERNS = st.lists(PARTS | GROUPS, min_size=1, max_size=7).map("".join)
TEXTS = st.text(st.sampled_from("abcé中.\n- "), max_size=20)


@given(pattern=PATTERNS, text=TEXTS)
def test_a_portable_expression_replaces_the_same(pattern: str, text: str) -> None:
    try:
        compiled = regex.compile(pattern, regex.DOTALL)
    except regex.error:
        assume(False)
    assume(is_portable(pattern))
    replaced = pc.replace_substring_regex(pa.array([text], pa.large_string()), f"(?s){pattern}", "#")
    assert replaced[0].as_py() == compiled.sub("#", text)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\w",
        r"\d+",
        r"\s",
        r"\b",
        "^a",
        "a$",
        "a*",
        "(a|b)*c",
        "(?i)a",
        "(?=a)",
        r"(a)\1",
        "a++",
        "[[:alpha:]]",
        "[a&&b]",
    ],
)
def test_what_depends_on_the_engine_is_not_portable(pattern: str) -> None:
    assert not is_portable(pattern)


@pytest.mark.parametrize("pattern", ["colou?r", "[0-9]{4}", "(?:ab|c)d", r"\$[0-9]+", "。+"])
def test_plain_expressions_are_portable(pattern: str) -> None:
    assert is_portable(pattern)
