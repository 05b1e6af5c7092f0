"""Every function in C against the one of numpy that it stands in for: the same numbers, whatever the texts."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_juicer.kernels.characters import codepoints
from data_juicer.kernels.characters.special_characters import special_table
from data_juicer.kernels.keep import keep_characters
from data_juicer.kernels.native import loading
from data_juicer.kernels.words.lower import lower
from data_juicer.kernels.words.ngrams import character_repeats, word_repeats
from data_juicer.kernels.words.word_keys import flat, token_keys, word_keys
from data_juicer.kernels.words.words import count_words
from data_juicer.ops.dataset import minhash, simhash
from data_juicer.ops.dataset.shingles import Shingler, Shingles

pytestmark = pytest.mark.skipif(loading.functions is None, reason=f"kernels: {loading.kernels_used}")

ODD = (
    "aB .,!\n\r\t\x00\x0b\x1c\x7f\x80\x85\u2028\xa0\u3000中Σσ\u03c2İıſKéÉ😀🅰1，—…´．Ⅷⅷ\ud7ff\ue000\U0010ffff𐐀"
)
TEXTS = st.lists(st.text(st.sampled_from(ODD), max_size=40) | st.text(max_size=20), max_size=6)

TABLES = (special_table(), codepoints.table_where(str.isalnum))


@pytest.fixture(scope="module", autouse=True)
def kernels() -> str:
    """Each test here runs both of them by itself."""
    return "both"


def both(work: Callable[[], Any]) -> tuple[Any, Any]:
    """What it gives with the functions in C, and with numpy."""
    compiled = work()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "functions", None)
        return compiled, work()


def column(texts: Sequence[str]) -> pa.Array:
    """A slice of a longer column, so that its offsets do not start at 0."""
    return pa.array(["é，\n", *texts, "!\n"], pa.large_string()).slice(1, len(texts))


@given(TEXTS)
def test_characters_are_counted_and_kept(texts: list[str]) -> None:
    for table in TABLES:
        counted, counted_before = both(lambda table=table: codepoints.count_in(column(texts), table))
        assert counted.tolist() == counted_before.tolist()
        kept, kept_before = both(lambda table=table: keep_characters(column(texts), table))
        assert kept.equals(kept_before)


@given(TEXTS)
def test_lower_case_is_pythons(texts: list[str]) -> None:
    lowered, before = both(lambda: lower(column(texts)))
    assert lowered.equals(before)
    assert lowered.to_pylist() == [text.lower() for text in texts]


@pytest.mark.parametrize("plane", range(17))
def test_every_character_has_its_lower_case_and_its_class(plane: int) -> None:
    points = (point for point in range(plane << 16, (plane + 1) << 16) if not 0xD800 <= point < 0xE000)
    texts = ["".join(map(chr, points))]
    assert lower(column(texts)).to_pylist() == [texts[0].lower()]
    counted, before = both(lambda: codepoints.count_in(column(texts), special_table()))
    assert counted.tolist() == before.tolist()


LONG_WORDS = st.lists(
    st.integers(240, 300).map(lambda size: "é" * (size // 2) + "x" * (size % 2)), max_size=2
).map(" ".join)


@given(st.lists(st.text(st.sampled_from(ODD), max_size=60) | LONG_WORDS, max_size=6))
def test_words_have_the_same_keys(texts: list[str]) -> None:
    keys, before = both(lambda: word_keys(column(texts)))
    assert keys.equals(before)
    (tokens, rows), (tokens_before, rows_before) = both(lambda: token_keys(column(texts)))
    assert tokens.tolist() == tokens_before.tolist()
    assert rows.tolist() == rows_before.tolist()
    counted, counted_before = both(lambda: count_words(column(texts)))
    assert counted.tolist() == counted_before.tolist()


def repeats_of(work: Callable[[], Any]) -> None:
    compiled, before = both(work)
    for name in ("total", "repeated", "frequent"):
        assert getattr(compiled, name).tolist() == getattr(before, name).tolist()


@given(st.lists(st.text("ab é中😀", max_size=80), max_size=6), st.integers(1, 24))
def test_ngrams_repeat_as_often(texts: list[str], n: int) -> None:
    repeats_of(lambda: character_repeats(column(texts), n))
    keys, offsets = flat(word_keys(column(texts)))
    repeats_of(lambda: word_repeats(keys.to_numpy(), offsets, n))


@pytest.mark.parametrize("n", [1, 3, 8, 10, 33])
def test_ngrams_of_long_texts_repeat_as_often(n: int) -> None:
    drawn = random.Random(n)
    letters = ["".join(drawn.choices("ab", k=70_000)), "x" * 200_000, "".join(drawn.choices(ODD, k=40_000))]
    small = ["".join(drawn.choices("abc 中", k=size)) for size in range(300)]
    repeats_of(lambda: character_repeats(column([*small, *letters, "", *small]), n))


def test_keys_that_all_meet_in_a_table_are_sorted_instead() -> None:
    """Keys chosen so that their products with the constant of the table share their upper bits."""
    inverse = pow(0x9E3779B97F4A7C15, -1, 1 << 64)
    keys = np.array([(low * inverse) % (1 << 64) for low in range(20_000)] * 2, np.uint64)
    repeats_of(lambda: word_repeats(keys, np.array([0, len(keys)]), 1))


@given(TEXTS, st.integers(1, 7), st.sampled_from(["space", "character", "punctuation"]))
def test_shingles_and_their_summaries_are_the_same(texts: list[str], window: int, tokenization: Any) -> None:
    shingler = Shingler(tokenization, window, lowercase=True, ignore_pattern=r"\p{P}", sentencepiece=None)
    cut, before = both(lambda: shingler.cut(column(texts)))
    assert cut.keys.tolist() == before.keys.tolist()
    assert cut.offsets.tolist() == before.offsets.tolist()
    hashes, hashes_before = both(lambda: simhash.simhashes(cut))
    assert hashes.tolist() == hashes_before.tolist()
    signed, signed_before = both(lambda: minhash.signatures(cut, 12))
    assert np.array_equal(signed, signed_before)


def test_summaries_of_many_shingles_are_the_same() -> None:
    keys = np.random.default_rng(5).integers(0, 1 << 63, 300_000, np.uint64)
    keys[:100_000] = keys[0]
    shingles = Shingles(keys, np.array([0, 1, 3, 150_000, 150_004, 300_000]))
    assert np.array_equal(*both(lambda: simhash.simhashes(shingles)))
    assert np.array_equal(*both(lambda: minhash.signatures(shingles, 256)))
