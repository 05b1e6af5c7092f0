"""The guard of fix_unicode leaves out nothing: no bad line, nothing unstable, no line that ftfy changes."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from ftfy.badness import BADNESS_RE, is_bad
from hypothesis import example, given
from hypothesis import strategies as st

from data_juicer.kernels.characters import unicode_kinds
from data_juicer.kernels.characters.unicode_guard import Guard, guard_of
from data_juicer.kernels.characters.unicode_kinds import BAD, QUICK, TOUCHED, UNSTABLE, Fixes, kinds_of
from data_juicer.kernels.patterns.pattern_pairs import UNKNOWN
from data_juicer.ops.base import Mapper
from data_juicer.ops.catalog import registry
from data_juicer.testing.rows import batch_of

FORMS = ["NFC", "NFKC", "NFD", "NFKD"]
NAMED = sorted(
    {*map(chr, range(0x80, 0x180)), *map(chr, range(0x370, 0x460)), *BADNESS_RE.pattern} - {"\ud800"}
)
FIXED = "“”‘’，！＆＜；＃ａ\u3000ﬁĳ\ufeff\r\x00\x1b&<>;\u2028ｶﾞ"
NAMED_OR_ASCII = st.sampled_from(
    [character for character in NAMED if not character.isascii()]
) | st.sampled_from("aZ0 ,\t\n'\"")
MOJIBAKE = st.from_regex(re.compile(BADNESS_RE.pattern, BADNESS_RE.flags), fullmatch=True)
LINE = st.lists(
    NAMED_OR_ASCII | st.sampled_from(FIXED) | MOJIBAKE | st.text(NAMED_OR_ASCII, max_size=6), max_size=6
).map("".join)
MARKS = sorted(map(chr, unicode_kinds._marks() | unicode_kinds._parts()[1]))
JOINING = st.sampled_from(MARKS) | st.sampled_from(
    "aeoéấＡकनডে\u0dd9가한\u1100\u1161\u11a8か“，\n\ufb1f\u0344"
)


def flags_of(text: str, guard: Guard | None = None) -> int:
    data = np.frombuffer(text.encode(), np.uint8)
    _, flags = (guard or guard_of("NFC")).kinds.work(data)
    return int(np.bitwise_or.reduce(flags, initial=0))


def clean(text: str) -> str:
    """Without surrogates, which no UTF-8 holds."""
    return "".join(character for character in text if not 0xD800 <= ord(character) < 0xE000)


@given(LINE.map(clean))
@example("√±")
@example("ГўВЂВ x")
@example("a\nÃ b")
def test_a_line_that_is_bad_asks_for_work(text: str) -> None:
    for line in text.split("\n"):
        assert line.isascii() or not is_bad(line) or flags_of(line) & BAD


@given(LINE.map(clean))
@example("xÃ\u3000y")  # bad once the wide space is a common one
def test_a_line_that_only_quick_characters_ask_for_is_good_when_they_are_replaced(text: str) -> None:
    guard = guard_of("NFC")
    if flags_of(text) == QUICK:
        becomes = {ord(character): int(guard.quick[ord(character)]) or character for character in text}
        replaced = text.translate(becomes)
        assert replaced.isascii() or not is_bad(replaced)


@given(st.lists(LINE.map(clean), max_size=5))
@example(["“a", "Ã", " b", "xÃ\u3000y", "，\u0301"])
def test_the_operator_does_what_ftfy_does(texts: list[str]) -> None:
    import ftfy

    operator = registry.make("fix_unicode_mapper", {})
    assert isinstance(operator, Mapper)
    fixed = operator.process(batch_of([{"text": text} for text in texts])).text("text")
    assert fixed.to_pylist() == [ftfy.fix_text(text) for text in texts]


@pytest.mark.parametrize("form", FORMS)
@given(text=st.text(JOINING, max_size=6))
@example(text="\u1ea5\u0323")  # comes apart, changes its order and joins otherwise
def test_a_text_that_is_not_normal_asks_for_work(form: str, text: str) -> None:
    normal = unicodedata.is_normalized(form, text)  # type: ignore[arg-type] # one of FORMS
    assert normal or flags_of(text, guard_of(form)) & (UNSTABLE | TOUCHED)


def test_common_text_of_many_scripts_asks_for_no_work() -> None:
    texts = ["œuvre à côté, naïve – 5 € №", "Straße, « été »", "Привет, ёж", "हिन्दी में ड़", "বাংলা কো", "தமிழ்", "ไทยที่",
             "한국어", "日本語が", "Ελλάδα", "tiếng Việt", "العربية"]  # fmt: skip
    assert [text for text in texts if flags_of(text)] == []


def test_signs_that_are_not_known_leave_ascii_alone_and_ask_for_all_else() -> None:
    kinds = kinds_of("NFC", UNKNOWN, Fixes({"“": '"'}, frozenset("&")))
    assert [int(kinds.alone[kinds.of_point[ord(character)]]) for character in "aé中“&"] == [
        0,
        BAD,
        BAD,
        BAD | QUICK,
        4,
    ]


def test_a_line_with_an_ampersand_but_no_entity_is_not_given_to_ftfy(monkeypatch: pytest.MonkeyPatch) -> None:
    import ftfy

    monkeypatch.setattr(ftfy, "fix_text", None)
    operator = registry.make("fix_unicode_mapper", {})
    assert isinstance(operator, Mapper)
    rows = ["R&D “x”", "a & b;", "a&b=c"]
    batch = batch_of([{"text": ""}] * len(rows)).with_text("text", pa.array(rows, pa.large_string()))
    assert operator.process(batch).text("text").to_pylist() == ['R&D "x"', "a & b;", "a&b=c"]


@pytest.mark.parametrize("form", FORMS)
def test_what_is_asked_of_blocks_is_true_of_each_character(form: unicode_kinds.Form) -> None:
    characters = [*map(chr, (*range(0xD800), *range(0xE000, 0x110000)))]
    assert unicode_kinds._marks() == set(map(ord, filter(unicodedata.combining, characters)))
    unstable = {ord(character) for character in characters if not unicodedata.is_normalized(form, character)}
    assert unicode_kinds._unstable_alone(form) == unstable | set(unicode_kinds._JAMO)
    parts = ((ord(character), unicodedata.decomposition(character)) for character in characters)
    canonical = {point: found for point, found in parts if found and not found.startswith("<")}
    assert unicode_kinds._decompositions() == {
        point: [int(part, 16) for part in found.split()] for point, found in canonical.items()
    }
