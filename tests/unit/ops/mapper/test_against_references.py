"""Every text mapper against its plain reference, on texts of any characters and on those that its guards look for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.reference_mappers import CASES, REFERENCES
from data_juicer.ops.base import Mapper
from data_juicer.ops.catalog import registry
from data_juicer.rows.batch import Batch
from data_juicer.testing.rows import DictRows
from tests.support.shared import ASSETS, need

PIECES = [
    "\n", "\n\n", " ", "\t", "  ", ".", "!", "?", "。", "？", "…", "……", "......", "’", "”", "“", "6", "2",
    "{", "}", "/*", "*/", "*", "Copyright", "copyright", "//", "#", "--", "\r", "\r\n", "\x00", "\x0c",
    "\ufeff", "<p>", "</p>", "<li>", "</li>", "<b", ">", "<", "&amp;", "&", "<script>", "</script>", "\\",
    "%", "\\%", "\\newcommand{\\ab}{x y}", "\\def\\ab{q\\1}", "\\ab", "\\ab.", "\\appendix",
    "\\begin{references}", "\\bibliography{", "\\section{A}", "\\section[x]{B}", "\\chapter*{",
    "\\paragraph{a}", "\\subparagraph{b}", "\\parté{", "[", "]", "◆", "♡", "éa", "und", "http", "www.",
    ".com", "href", "K", "İ", "ı", "ſ", "k", "i", "Word", "word", "简体中文", "軟體", "鼠标", "一", "Привет",
    "a b\n", "a|b\n", "1\t2\n", "||", "a | b\n", "\x1c", "\x85", "\xa0", "\u2028", "colour", "color", "12",
    "٣", "x x", "/home/a", "/User", "C:\\x", "\\\\srv", "a@b.co", "é@b.co1", "token: ", "TOKEN=",
    "session_id=", "=", ":", '"', "'", "channel: mail", "ou_0123456789abcdef0123456789abcdef",
    "uid_ABCDEFGHIJKLMNOPQ", "13812345678", "+44 2071234567", "11010119900307123X", "[2001:db8::1]:443",
    "1.2.3.4", "256.1.1.1", "00:1A:2b:3C:4d:5E", "eyJa.eyJb.c", "-----BEGIN A-----", "-----END A-----",
    "Dr. Who came. He left.", "e.g. this", '." Then', "(Yes.)", "😀", "क्ष",
]  # fmt: skip
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=14).map("".join),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=10).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)


@pytest.fixture(autouse=True)
def _models(monkeypatch: pytest.MonkeyPatch) -> None:
    need(ASSETS, "the models of the recorded cases")
    monkeypatch.setenv("NLTK_DATA", str(ASSETS / "nltk_data"))


def columns(texts: list[str]) -> pa.Array:
    """The texts as a slice of a longer column."""
    return pa.array(["before é", *texts, "behind\n/*"], pa.large_string()).slice(1, len(texts))


class Slice(DictRows):
    """Rows whose text column is a slice."""

    def text(self, key: str) -> pa.Array:
        return columns(self._texts[key].to_pylist())


@cache
def case(number: int) -> tuple[Mapper, Callable[[str], str | list[str]]]:
    """An operator and its reference, ready."""
    name, params = CASES[number]
    operator = registry.make(name, params)
    assert isinstance(operator, Mapper)
    operator.prepare()
    return operator, REFERENCES[name](**params)


def outcome(operator: Mapper, texts: list[str]) -> list[list[str]]:
    """The texts that each text becomes."""
    batch = Batch.of(Slice([{"text": text} for text in texts]), len(texts))
    batch.text("text")
    after = operator.process(batch)
    column = after.text("text")
    assert column.type == pa.large_string()
    assert column.null_count == 0
    column.validate(full=True)
    found: list[list[str]] = [[] for _ in texts]
    for origin, text in zip(after.origin.tolist(), column.to_pylist(), strict=True):
        found[origin].append(text)
    return found


def expected(reference: Callable[[str], str | list[str]], texts: list[str]) -> list[list[str]]:
    changed = [reference(text) for text in texts]
    return [[text] if isinstance(text, str) else text for text in changed]


@pytest.mark.parametrize("number", range(len(CASES)), ids=[name for name, _ in CASES])
@given(texts=st.lists(TEXTS, max_size=6))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_column_becomes_what_its_texts_become_alone(number: int, texts: list[str]) -> None:
    operator, reference = case(number)
    assert outcome(operator, texts) == expected(reference, texts)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[name for name, _ in CASES])
def test_empty_and_long_texts_go_through(number: int) -> None:
    operator, reference = case(number)
    rng = np.random.default_rng(7)
    pieces = [PIECES[place] for place in rng.integers(0, len(PIECES), 3000)]
    texts = ["", "word " * 2000, "x" * 5000, "\n" * 300, "".join(pieces)[:3000]]
    assert outcome(operator, texts) == expected(reference, texts)
    assert outcome(operator, []) == []
