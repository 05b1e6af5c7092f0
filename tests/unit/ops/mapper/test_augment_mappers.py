"""Changed copies of texts: how many there are, what may change in them, and that they follow from seed and text alone."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data_juicer.errors import ConfigError
from data_juicer.ops.augment import tables
from data_juicer.ops.augment.base import AugmentMapper
from data_juicer.ops.catalog import registry
from data_juicer.testing.rows import batch_of

ENGLISH = (
    "delete_random_word", "swap_random_word", "spelling_error_word", "split_random_word", "keyboard_error_char",
    "ocr_error_char", "delete_random_char", "swap_random_char", "insert_random_char",
)  # fmt: skip
CHINESE = (
    "replace_similar_word", "replace_homophone_char", "delete_random_char", "swap_random_char", "replace_equivalent_num",
)  # fmt: skip
WAYS = [("nlpaug_en_mapper", way) for way in ENGLISH] + [("nlpcda_zh_mapper", way) for way in CHINESE]
ENGLISH_TEXT = "The quick brown fox doesn't jump over 12 lazy dogs,\nand nobody believed it."
CHINESE_TEXT = "这里一共有5种不同的数据增强方法，3月6日开始使用。"
TEXT = st.one_of(
    st.text(max_size=30),
    st.lists(
        st.sampled_from(["The", "word", "I", " ", "\n", "don't", ".", "ΟΔΟΣ", "ß", "ŉ", "这里", "不同", "方法", "一", "5"]),
        max_size=12,
    ).map("".join),
)  # fmt: skip


def made(name: str, seed: int = 42, **params: Any) -> AugmentMapper:
    operator = registry.make(name, params, seed=seed)
    assert isinstance(operator, AugmentMapper)
    operator.prepare()
    return operator


def texts_of(operator: AugmentMapper, texts: list[str]) -> list[list[str]]:
    """The texts that each text becomes."""
    after = operator.process(batch_of([{"text": text, "id": n} for n, text in enumerate(texts)]))
    found: list[list[str]] = [[] for _ in texts]
    for row in map(after.row, range(len(after))):
        found[row["id"]].append(row["text"])
    return found


def words(text: str) -> list[str]:
    return re.findall(r"\w+(?:['’]\w+)*", text)


@pytest.mark.parametrize(("name", "way"), WAYS)
@given(texts=st.lists(TEXT, max_size=5), seed=st.integers(0, 3))
@example(texts=["", " ", "\n", "a", "A b", "5", "中", "\x00", "ſſſſ ŉŉŉŉ ßßßß"], seed=0)
def test_what_a_text_becomes_follows_from_seed_and_text_alone(
    name: str, way: str, texts: list[str], seed: int
) -> None:
    operator = made(name, seed, aug_num=2, **{way: True})
    together = texts_of(operator, texts)
    again = made(name, seed, aug_num=2, **{way: True})
    assert together == [texts_of(again, [text])[0] for text in texts]
    for text, became in zip(texts, together, strict=True):
        assert became[0] == text
        assert len(became) <= 3


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_a_way_gives_as_many_rows_as_were_asked_for_and_changes_each(name: str, way: str) -> None:
    text = CHINESE_TEXT if name == "nlpcda_zh_mapper" else ENGLISH_TEXT
    (became,) = texts_of(made(name, aug_num=3, keep_original_sample=False, **{way: True}), [text])
    assert len(became) == len(set(became)) == 3
    assert text not in became


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_another_seed_gives_other_texts(name: str, way: str) -> None:
    text = (CHINESE_TEXT if name == "nlpcda_zh_mapper" else ENGLISH_TEXT) * 4
    one, other = (made(name, seed, **{way: True}) for seed in (1, 2))
    assert texts_of(one, [text]) != texts_of(other, [text])
    assert registry.canonical_params(one) != registry.canonical_params(other)


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_huge_texts_go_through(name: str, way: str) -> None:
    texts = [ENGLISH_TEXT * 2000, CHINESE_TEXT * 4000, "x" * 100_000, "中" * 100_000, " " * 100_000]
    assert all(
        became[0] == text
        for text, became in zip(texts, texts_of(made(name, **{way: True}), texts), strict=True)
    )


@pytest.mark.parametrize(("name", "ways"), [("nlpaug_en_mapper", ENGLISH), ("nlpcda_zh_mapper", CHINESE)])
def test_ways_add_rows_each_and_in_sequence_change_the_same_rows(name: str, ways: tuple[str, ...]) -> None:
    text = CHINESE_TEXT if name == "nlpcda_zh_mapper" else ENGLISH_TEXT
    on = dict.fromkeys(ways, True)
    (each,) = texts_of(made(name, aug_num=2, **on), [text])
    (sequence,) = texts_of(made(name, aug_num=2, sequential=True, **on), [text])
    assert len(each) == 1 + 2 * len(ways)
    assert len(sequence) == 1 + 2


@pytest.mark.parametrize("name", ["nlpaug_en_mapper", "nlpcda_zh_mapper"])
@pytest.mark.parametrize("sequential", [False, True])
def test_without_a_way_rows_stay_or_go(name: str, sequential: bool) -> None:
    assert texts_of(made(name, sequential=sequential), ["a", "中"]) == [["a"], ["中"]]
    gone = made(name, sequential=sequential, keep_original_sample=False)
    assert texts_of(gone, ["a", "中"]) == [[], []]


def test_a_text_in_which_nothing_can_change_is_copied_by_one_and_not_by_the_other() -> None:
    assert texts_of(made("nlpaug_en_mapper", split_random_word=True), ["a b", ""]) == [["a b", "a b"], [""]]
    assert texts_of(made("nlpcda_zh_mapper", replace_equivalent_num=True), ["没有", ""]) == [["没有"], [""]]


def test_deleted_and_swapped_words_are_words_of_the_text() -> None:
    (_, shorter) = texts_of(made("nlpaug_en_mapper", delete_random_word=True), [ENGLISH_TEXT])[0]
    (_, swapped) = texts_of(made("nlpaug_en_mapper", swap_random_word=True), [ENGLISH_TEXT])[0]
    before = Counter(words(ENGLISH_TEXT.lower()))
    assert Counter(words(shorter.lower())) < before
    assert Counter(words(swapped.lower())) == before
    assert "  " not in shorter + swapped


def test_dates_and_numbers_lose_no_unit() -> None:
    for became in texts_of(made("nlpcda_zh_mapper", delete_random_char=True, aug_num=9), [CHINESE_TEXT])[0]:
        assert "5种" in became
        assert "3月6日" in became


def test_tables_name_something_else_for_each_word() -> None:
    for table in (tables.SPELLING_ERRORS, tables.SIMILAR_WORDS):
        for word, others in tables.words(table).items():
            assert others
            assert word not in others
    assert all(others and character not in others for character, others in tables.homophones().items())


def test_no_copy_at_all_is_no_number_of_copies() -> None:
    with pytest.raises(ConfigError, match="aug_num = 0: at least 1"):
        registry.make("nlpaug_en_mapper", {"aug_num": 0})
