"""The word, model and field filters, column at a time, give what their per-row references give."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks import reference_filters as reference
from data_juicer.ops.base import Filter
from data_juicer.ops.catalog import registry
from data_juicer.ops.resources import models
from data_juicer.testing.rows import batch_of
from tests.support.shared import ASSETS, need

PIECES = st.sampled_from(
    [
        "the", "The", "AND", "fuck", "Damn,", "(ass)", "的", "了", "中文", "чтобы", "Г", "Гг", "ØRE", "Σας", "ΟΔΟΣ", "İst",
        "K", "ǅ", "ß", "ﬁ", "...", "--", "!", "。", "12", "1st", "a", "b", "😀", "👩‍💻", "\u0947", "ン", "士", "ʼn", "\x00",
        " ", "  ", "\n", "\t", "\r", "\xa0", "\u3000", "\u2028", "\x85", "-" * 20 + "x", "x" + "★" * 20, "abcdefgh",
        "abcdefghi", "w" * 300, "é" * 40,
    ]
)  # fmt: skip
TEXT = st.lists(PIECES | st.text(max_size=6), max_size=14).map("".join)
TEXTS = st.lists(TEXT, max_size=4)


@cache
def made(name: str, params: str) -> Filter:
    operator = registry.make(name, json.loads(params))
    assert isinstance(operator, Filter)
    operator.prepare()
    return operator


def stats(name: str, texts: list[str], **params: Any) -> list[Any]:
    """The stats of the middle of a larger column, so that its offsets do not start at 0."""
    operator = made(name, json.dumps(params))
    column = (
        batch_of([{"text": text} for text in ["the the", *texts, "中"]]).text("text").slice(1, len(texts))
    )
    batch = batch_of([{"text": text} for text in texts]).with_text("text", column)
    stats = operator.compute_stats(batch)
    assert operator.keep(stats).shape == (len(texts),)
    return list(stats[operator.stats_key].to_pylist())


WORD_FILTERS: dict[str, tuple[str, dict[str, Any], Callable[[list[str]], float]]] = {
    "stopwords": (
        "stopwords_filter", {}, lambda words: reference.listed_ratio(words, reference.list_of("stopwords"))
    ),
    "flagged words": (
        "flagged_words_filter", {}, lambda words: reference.listed_ratio(words, reference.list_of("flagged_words"))
    ),
    "groups of stopwords": (
        "stopwords_filter",
        {"lang": "zh", "use_words_aug": True, "words_aug_group_sizes": [2, 3]},
        lambda words: reference.listed_ratio(words, reference.list_of("stopwords", "zh"), (2, 3)),
    ),
    "groups of flagged words with spaces": (
        "flagged_words_filter",
        {"lang": "all", "use_words_aug": True, "words_aug_group_sizes": [1, 2], "words_aug_join_char": " "},
        lambda words: reference.listed_ratio(words, reference.list_of("flagged_words", "all"), (1, 2), " "),
    ),
    "repetition": ("word_repetition_filter", {}, reference.repetition),
    "repetition of pairs": ("word_repetition_filter", {"rep_len": 2}, lambda words: reference.repetition(words, 2)),
    "repetition of words": ("word_repetition_filter", {"rep_len": 1}, lambda words: reference.repetition(words, 1)),
}  # fmt: skip


@pytest.mark.parametrize("case", WORD_FILTERS)
@given(texts=TEXTS)
@example(texts=[])
@example(texts=["", " ", "\n", "..."])
@example(texts=["the the the\nthe", "fuck" * 100, "a b " * 40, "--a-- " * 30])
@example(
    texts=["themselves, nevertheless themselves\nnevertheless nevertheless", "motherfucker a motherfucker"]
)
@example(texts=["\u3000" * 40 + "the" + "…" * 40 + " of"])
def test_word_filters_count_what_the_reference_counts(case: str, texts: list[str]) -> None:
    name, params, of_words = WORD_FILTERS[case]
    assert stats(name, texts, **params) == [of_words(reference.refined(text)) for text in texts]


@pytest.fixture
def _recorded_models(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = need(ASSETS / "models", "the recorded models")
    monkeypatch.setenv(models.EXTERNAL_HOME, str(recorded))


SAMPLES = [
    "",
    " ",
    "The quick brown fox.\nOver the lazy dog!",
    "中文文本，没有空格。",
    "Г " * 30,
    "x" * 3000,
    "\x00\n\x85a",
]


@pytest.mark.usefixtures("_recorded_models")
def test_language_scores_are_those_of_one_text_at_a_time() -> None:
    assert stats("language_id_score_filter", SAMPLES) == list(map(reference.language_score, SAMPLES))


@pytest.mark.usefixtures("_recorded_models")
def test_perplexities_are_those_of_one_text_at_a_time() -> None:
    assert stats("perplexity_filter", SAMPLES) == list(map(reference.perplexity, SAMPLES))


@pytest.mark.usefixtures("_recorded_models")
def test_tokens_are_those_of_one_text_at_a_time() -> None:
    assert stats("token_num_filter", SAMPLES, hf_tokenizer="tok") == list(map(reference.token_num, SAMPLES))


@pytest.mark.usefixtures("_recorded_models")
def test_words_of_a_model_are_refined_like_those_between_spaces() -> None:
    cutter, _ = reference._perplexity_models()
    refined = [reference.refined(text, cutter.encode_as_pieces) for text in SAMPLES]
    stopwords = reference.list_of("stopwords")
    assert stats("stopwords_filter", SAMPLES, tokenization=True) == [
        reference.listed_ratio(words, stopwords) for words in refined
    ]
    assert stats("word_repetition_filter", SAMPLES, tokenization=True, rep_len=2) == [
        reference.repetition(words, 2) for words in refined
    ]


NUMBER = st.none() | st.integers(-3, 3) | st.floats(-3, 3) | st.integers(2**60, 2**70)
ROW = st.fixed_dictionaries(
    {
        "n": NUMBER,
        "m": NUMBER,
        "s": st.none() | st.sampled_from(["", "a", "b"]),
        "o": st.fixed_dictionaries({"p": NUMBER}),
    }
)
CONDITIONS = [
    "n > 1", "not n > 1", "1 <= n < m", "s == 'a' or n == m", "s in ['a', 'b'] and o.p != 0", "s not in ('a',) or not m",
    "n and not (m or s)", "(n > 0) == (m > 0)", "-n < o.p <= 1152921504606846976", "1 < 2", "n == n == m", "None == n",
]  # fmt: skip


@pytest.mark.parametrize("condition", CONDITIONS)
@given(rows=st.lists(ROW, max_size=6))
def test_conditions_hold_where_the_reference_says_so(condition: str, rows: list[Mapping[str, Any]]) -> None:
    if condition.startswith("-n"):
        rows = [row for row in rows if row["n"] is not None]
    operator = registry.make("general_field_filter", {"filter_condition": condition})
    assert isinstance(operator, Filter)
    kept = operator.keep(operator.compute_stats(batch_of(rows, ())))
    assert kept.tolist() == list(map(reference.meets(condition), rows))
