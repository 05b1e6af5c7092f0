"""The shared kernels against the plain Python that they stand for."""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.reference_ops import words as reference_words
from data_juicer.kernels.characters import codepoints
from data_juicer.kernels.lines import lines
from data_juicer.kernels.patterns import patterns, spans, timed
from data_juicer.kernels.patterns.replace import PYTHON_SPACES, Replacer
from data_juicer.kernels.words import ngrams, words

ODD = "ab .,!\n\r\t\x0b\x0c\x1c\x1f\x85\u2028\u2029\xa0\u3000中Σσİé😀1，—…´．"
TEXTS = st.lists(st.text(st.sampled_from(ODD), max_size=30) | st.text(max_size=20), max_size=6)


def sliced(texts: list[str]) -> pa.Array:
    """The column as a slice of a longer one, so that its offsets do not start at 0."""
    return pa.array(["é，\n", *texts, "!\n"], pa.large_string()).slice(1, len(texts))


@given(TEXTS)
def test_points_go_there_and_back(texts: list[str]) -> None:
    assert codepoints.points_of(sliced(texts)).column().to_pylist() == texts
    assert codepoints.bytes_of(sliced(texts)).column().to_pylist() == texts


@given(TEXTS)
def test_characters_are_counted_by_class(texts: list[str]) -> None:
    table = codepoints.table_where(str.isalnum)
    assert codepoints.count_in(sliced(texts), table).tolist() == [
        sum(map(str.isalnum, text)) for text in texts
    ]


def test_a_table_asks_every_plane_that_holds_letters() -> None:
    above = map(chr, range(0x40000, codepoints.CODE_POINTS))
    assert not any(character.isalnum() or character.isspace() for character in above)


@given(TEXTS)
def test_lines_are_those_of_splitlines(texts: list[str]) -> None:
    lengths = lines.line_lengths(sliced(texts))
    assert lengths.to_pylist() == [[len(line) for line in text.splitlines()] for text in texts]
    assert lines.line_counts(sliced(texts)).tolist() == [len(text.splitlines()) for text in texts]
    assert lines.longest(lengths).tolist() == [max(map(len, text.splitlines()), default=0) for text in texts]


@given(TEXTS, st.booleans(), st.booleans())
def test_words_are_split_lowered_and_stripped(texts: list[str], lower: bool, strip: bool) -> None:
    expected = [reference_words(text, lower=lower, strip=strip) for text in texts]
    assert words.words_of(sliced(texts), lower=lower, strip=strip).to_pylist() == expected


@given(TEXTS)
def test_refined_words_are_counted_without_being_made(texts: list[str]) -> None:
    assert words.count_words(sliced(texts)).tolist() == [len(reference_words(text)) for text in texts]


@given(st.lists(st.text("ab中😀", max_size=60), max_size=5), st.integers(1, 20))
def test_repeated_ngrams_are_counted(texts: list[str], n: int) -> None:
    present = codepoints.points_of(sliced(texts))
    for text, found in zip(texts, ngrams.repeats(present.points, present.offsets, n), strict=True):
        counts = Counter(text[i : i + n] for i in range(len(text) - n + 1))
        repeated = sorted(count for count in counts.values() if count > 1)
        assert (found[0], found[1], sorted(found[2].tolist())) == (counts.total(), len(counts), repeated)


def test_ngrams_of_many_rows_do_not_depend_on_how_rows_are_grouped() -> None:
    texts = [f"{number} 中😀 {'abc ' * (number % 50)}" * 40 for number in range(300)]
    present = codepoints.points_of(pa.array(texts, pa.large_string()))
    together = [
        (total, distinct, sorted(counts)) for total, distinct, counts in ngrams.repeats(*_parts(present), 10)
    ]
    alone = [
        (total, distinct, sorted(counts))
        for text in texts
        for total, distinct, counts in ngrams.repeats(*_parts(codepoints.points_of(_one(text))), 10)
    ]
    assert together == alone


def _one(text: str) -> pa.Array:
    return pa.array([text], pa.large_string())


def _parts(present: codepoints.Points) -> tuple[np.ndarray, np.ndarray]:
    return present.points, present.offsets


MARKS = {"，": ",", "—": " - ", "…": "...", "´": "'", "\t": " ", "．": ". ", "\xa0": " "}


@given(TEXTS)
def test_characters_are_replaced(texts: list[str]) -> None:
    expected = ["".join(MARKS.get(character, character) for character in text) for text in texts]
    assert Replacer(MARKS).column(sliced(texts)).to_pylist() == expected


def test_python_strips_what_we_list() -> None:
    assert set(PYTHON_SPACES) == {
        chr(point) for point in range(codepoints.CODE_POINTS) if chr(point).isspace()
    }


@given(TEXTS)
def test_spans_hold_their_positions_and_are_spliced(texts: list[str]) -> None:
    utf8 = codepoints.bytes_of(sliced(texts))
    starts, stops = spans.spans_around(utf8, np.flatnonzero(utf8.data == ord("!")), b" \n")
    changed = spans.change_spans(utf8, starts, stops, lambda _start, _stop: b"<X>")
    expected = [
        regex.sub(r"[^ \n]*[ \n]|[^ \n]+", lambda found: "<X>" if "!" in found[0] else found[0], text)
        for text in texts
    ]
    assert (texts if changed is None else changed.to_pylist()) == expected


PATTERNS = st.sampled_from(
    [
        r"a+",
        r"[^ab\n]+",
        r"\d{2,3}",
        r"\w+",
        r"\s",
        r"\S+é?",
        r"(a|ab)(c|1)+?",
        r"[\w.]+",
        r".b",
        r"中|a.?!",
        r"\W{2}",
        r"[\s,]",
    ]
)


@given(PATTERNS, TEXTS)
def test_the_linear_engine_replaces_what_regex_replaces(pattern: str, texts: list[str]) -> None:
    substitution = patterns.Substitution(pattern, "#")
    assert patterns.linear_pattern(pattern) is not None
    expected = [regex.sub(pattern, "#", text, flags=regex.DOTALL) for text in texts]
    assert substitution.column(sliced(texts)).to_pylist() == expected


REFUSED = [
    r"\bword",
    r"^a",
    r"a$",
    r"a*",
    r"(?i)a",
    r"(a)\1",
    r"a(?=b)",
    r"a++",
    r"a{2}+",
    r"[[:alpha:]]",
    r"[a--b]",
    r"\p{L}",
    r"[\D]",
    r"a{1,2000}",
]


def test_what_engines_disagree_about_is_left_to_regex() -> None:
    assert [patterns.linear_pattern(pattern) for pattern in REFUSED] == [None] * len(REFUSED)


def test_a_pattern_that_explodes_stops_at_its_time_limit(monkeypatch) -> None:
    monkeypatch.setattr(timed, "LIMIT_S", 0.05)
    substitution = patterns.Substitution(r"\b(a|aa)+$", "")
    try:
        substitution.text("a" * 60 + "!")
    except TimeoutError:
        return
    raise AssertionError("the pattern ended by itself")


def test_python_spaces_are_all_that_strip_takes_away() -> None:
    assert "".join(filter(str.isspace, map(chr, range(sys.maxunicode + 1)))) == PYTHON_SPACES


@given(TEXTS, st.sampled_from([r"\p{P}", r"\P{L}+", r"\p{^Lu}", r"\pN", r"\p{IsHan}"]))
def test_a_property_is_removed_by_a_table(texts: list[str], pattern: str) -> None:
    assert patterns.kept_characters(pattern) is not None
    removed = patterns.Substitution(pattern, "").column(sliced(texts)).to_pylist()
    assert removed == [regex.sub(pattern, "", text) for text in texts]


@pytest.mark.parametrize(
    "pattern", [r"\p{P}*", r"\p{P}\p{P}", r"\p{P}?", r"a\p{P}", r"\P{L}{2}", r"[\p{P}]", r"\d"]
)
def test_no_other_pattern_becomes_a_table(pattern: str) -> None:
    assert patterns.kept_characters(pattern) is None
