"""Decontamination: what benchmarks hold is found however it is written, and nothing else goes."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_juicer.errors import ConfigError, InputError, OperatorError
from data_juicer.formats.whole_files import read_whole_files
from data_juicer.kernels.words.alphanumeric_words import alphanumeric_keys
from data_juicer.kernels.words.ngram_sets import NgramHasher, NgramSet
from data_juicer.kernels.words.word_keys import flat, keys_of_words
from data_juicer.ops.catalog import registry
from data_juicer.ops.context import OperatorContext
from data_juicer.ops.filter.ngram_overlap_filter import MATCHES, RATIO, SOURCE, NgramOverlapFilter
from data_juicer.ops.resources.ngram_index import NgramForm, decode_index, encode_index, make_index
from data_juicer.storage.posix import PosixStore
from data_juicer.testing.rows import batch_of

WORDS = [f"w{number}" for number in range(5000)]
STORE = PosixStore()


def made(context: OperatorContext | None = None, **parameters: Any) -> NgramOverlapFilter:
    operator = registry.make(NgramOverlapFilter.name, parameters)
    assert isinstance(operator, NgramOverlapFilter)
    reads = OperatorContext(store=STORE, read_rows=lambda inputs: read_whole_files(STORE, inputs))
    operator.prepare(context or reads)
    return operator


def stats_of(operator: NgramOverlapFilter, texts: Sequence[str]) -> dict[str, list[Any]]:
    batch = batch_of([{"text": text} for text in texts])
    stats = operator.compute_stats(batch)
    return {name: column.to_pylist() for name, column in stats.items()} | {
        "keep": operator.keep(stats).tolist()
    }


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """A question of 20 words, an answer of 9, a choice of 3."""
    rng = random.Random(1)
    rows = [
        {
            "question": " ".join(rng.choices(WORDS, k=20)) + "?",
            "more": {
                "answer": " ".join(rng.choices(WORDS, k=9)),
                "choices": [" ".join(rng.choices(WORDS, k=3))],
            },
        }
        for _ in range(50)
    ]
    path = tmp_path / "bench.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def written(rng: random.Random, text: str) -> str:
    """The same words in another case, with other punctuation and line ends between them."""
    words = re.findall(r"\w+", text)
    return "".join(
        (word.upper() if rng.random() < 0.3 else word)
        + rng.choice([" ", "  ", "\n", ", ", " — ", "”. “", "\u3000"])
        for word in words
    )


def test_every_planted_sentence_is_found_and_nothing_else_goes(bench: Path) -> None:
    rng, operator = random.Random(5), made(against=[str(bench)])
    texts, planted, rows, present = [], [], [], rows_of(bench)
    for number in range(120):
        fill = rng.choices(WORDS, k=60)
        row = rng.randrange(50)
        source = present[row]
        sentence = source["question"] if number % 4 == 0 else source["more"]["answer"]
        is_planted = number % 2 == 0
        middle = written(rng, sentence) if is_planted else ""
        texts.append(" ".join([*fill[:30], middle, *fill[30:]]))
        planted.append(is_planted)
        rows.append(f"{bench}, row {row + 1}" if is_planted else "")
    found = stats_of(operator, texts)
    assert [not keep for keep in found["keep"]] == planted
    assert found[SOURCE] == rows
    assert {count for count, is_planted in zip(found[MATCHES], planted, strict=True) if not is_planted} == {0}


def test_one_window_of_thirteen_words_is_enough_and_twelve_are_not(bench: Path) -> None:
    operator = made(against=[str(bench)])
    words = rows_of(bench)[7]["question"].split()
    found = stats_of(operator, [" ".join(words[3:16]), " ".join(words[3:15]), " ".join(words[3:17]), ""])
    assert found[MATCHES] == [1, 0, 2, 0]
    assert found[RATIO] == [1.0, 0.0, 1.0, 0.0]


def test_short_texts_are_found_as_a_whole_and_too_short_ones_are_left_out(bench: Path) -> None:
    answer = rows_of(bench)[3]["more"]["answer"]
    choice = rows_of(bench)[3]["more"]["choices"][0]
    texts = [f"before {answer} after", answer.rpartition(" ")[0], choice]
    assert stats_of(made(against=[str(bench)]), texts)["keep"] == [False, True, True]
    assert stats_of(made(against=[str(bench)], min_words=3), texts)["keep"] == [False, True, False]


def test_bounds_are_on_matches_and_on_the_share_of_words(bench: Path) -> None:
    question = rows_of(bench)[0]["question"]
    texts = [question, question + " x" * 60, " ".join(question.split()[:13]) + " x" * 60]
    assert stats_of(made(against=[str(bench)], max_ratio=0.25), texts)["keep"] == [False, True, True]
    assert stats_of(made(against=[str(bench)], min_matches=2), texts)["keep"] == [False, False, True]


def test_fields_of_a_benchmark_can_be_named(bench: Path) -> None:
    row = rows_of(bench)[0]
    texts = [row["question"], row["more"]["answer"]]
    assert stats_of(made(against=[str(bench)], benchmark_keys=["question"]), texts)["keep"] == [False, True]


def test_chinese_is_compared_character_by_character(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("昨夜山里下了一场小雨,溪水涨了半尺。")
    text = "他说：昨夜山里下了一场小雨，溪水涨了半尺，老陈背着竹篓去采菌子。"
    found = stats_of(made(against=[str(tmp_path)]), [text, text.replace("小雨", "大雪")])
    assert found["keep"] == [False, True]


def test_what_was_made_of_a_benchmark_before_finds_the_same(bench: Path, tmp_path: Path) -> None:
    index = make_index(NgramForm(n=13, words_min=8), read_whole_files(STORE, [str(bench)]))
    path = tmp_path / "bench.ngrams"
    path.write_bytes(encode_index(index))
    texts = [row["question"] for row in rows_of(bench)[:5]] + ["nothing of it"]
    expected = stats_of(made(against=[str(bench)]), texts)
    assert stats_of(made(OperatorContext(store=STORE), against=[str(path)]), texts) == expected
    assert stats_of(made(against=[str(path), str(bench)]), texts) == expected
    with pytest.raises(ConfigError, match=r"was made with n = 13, min_words = 8 .* here they are 9 and 8"):
        made(against=[str(path)], n=9)


def test_several_benchmarks_each_name_their_rows(bench: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    sentence = " ".join(WORDS[:15])
    other.write_text(json.dumps({"text": "short"}) + "\n" + json.dumps({"text": sentence}) + "\n")
    found = stats_of(made(against=[str(bench), str(other)]), [sentence, rows_of(bench)[49]["question"]])
    assert found[SOURCE] == [f"{other}, row 2", f"{bench}, row 50"]


def test_n_grams_are_made_once_for_all_workers_of_a_machine(bench: Path, tmp_path: Path) -> None:
    reads = []

    def read(inputs: Sequence[str]) -> Iterator[Any]:
        reads.append(inputs)
        return read_whole_files(STORE, inputs)

    context = OperatorContext(
        store=STORE, read_rows=read, identity="abc", cache_root=str(tmp_path / "cache"), cache_name="x"
    )
    first, second = made(context, against=[str(bench)]), made(context, against=[str(bench)])
    assert len(reads) == 1
    texts = [rows_of(bench)[0]["question"]]
    assert stats_of(first, texts) == stats_of(second, texts)
    (kept,) = (tmp_path / "cache" / "x").iterdir()
    kept.write_bytes(kept.read_bytes()[:-100])
    made(context, against=[str(bench)])
    assert len(reads) == 2, "what is damaged is made anew"


def test_a_benchmark_that_changed_since_the_job_began_is_not_used(bench: Path) -> None:
    context = OperatorContext(
        store=STORE, read_rows=lambda inputs: read_whole_files(STORE, inputs), is_changed=lambda: True
    )
    with pytest.raises(OperatorError, match="was changed since the job began"):
        made(context, against=[str(bench)])


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"against": []}, "name the benchmarks"),
        ({"against": ["/no/such/file"]}, "/no/such/file: no such file"),
        ({"against": ["x"], "n": 65}, "n = 65"),
        ({"against": ["x"], "max_ratio": 1.5}, "a share lies between 0 and 1"),
    ],
)
def test_parameters_that_cannot_be_are_refused(parameters: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(expected)):
        registry.make(NgramOverlapFilter.name, parameters)


def test_benchmarks_without_a_text_that_is_long_enough_are_refused(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text('{"text": "too short"}\n')
    with pytest.raises(OperatorError, match="no text of the benchmarks has 8 words"):
        made(against=[str(tmp_path / "b.jsonl")])


def test_a_row_of_a_benchmark_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text('{"text": "a"}\n{"text": \n')
    with pytest.raises(InputError, match=r"b.jsonl, line 2: the row cannot be read"):
        made(against=[str(tmp_path / "b.jsonl")])


def test_a_hostile_file_of_n_grams_is_refused(bench: Path) -> None:
    data = encode_index(make_index(NgramForm(n=13, words_min=8), read_whole_files(STORE, [str(bench)])))
    rng = random.Random(2)
    refused = 0
    for _ in range(200):
        damaged = bytearray(data)
        for _ in range(3):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        try:
            index = decode_index(bytes(damaged), "b.ngrams")
        except InputError:
            refused += 1
        else:
            index.ngrams()
            assert all(index.place_of(ngram) for ngram in range(len(index.hashes)))
    assert refused > 20
    for cut in (0, 1, 100, len(data) - 1):
        with pytest.raises(InputError):
            decode_index(data[:cut], "b.ngrams")


# ---- words and n-grams


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=30), max_size=5))
def test_words_are_what_a_regular_expression_finds(texts: list[str]) -> None:
    import unicodedata

    def words(text: str) -> list[str]:
        marked = "".join(
            f" {letter} "
            if "\u3400" <= letter <= "\u4dbf"
            or "\u4e00" <= letter <= "\u9fff"
            or "\U00020000" <= letter <= "\U0003ffff"
            else letter
            if unicodedata.category(letter)[0] in "LNM"
            else " "
            for letter in text.lower()
        )
        return marked.split()

    kana_aside = [re.sub(r"[\u3040-\u30ff\u31f0-\u31ff\uf900-\ufaff]", "x", text) for text in texts]
    keys, offsets = flat(alphanumeric_keys(pa.array(kana_aside, pa.large_string())))
    expected = [words(text) for text in kana_aside]
    assert np.diff(offsets).tolist() == [len(each) for each in expected]
    assert keys.to_pylist() == keys_of_words([word for each in expected for word in each]).tolist()


@given(
    st.lists(st.lists(st.integers(0, 3), max_size=12), min_size=1, max_size=6),
    st.lists(st.lists(st.integers(0, 3), max_size=12), min_size=1, max_size=6),
    st.integers(1, 6),
)
def test_windows_that_are_in_a_set_are_those_of_equal_words(
    known: list[list[int]], rows: list[list[int]], n: int
) -> None:
    def hasher(lists: list[list[int]]) -> NgramHasher:
        words = np.array([word for row in lists for word in row], np.uint64)
        return NgramHasher(words, np.concatenate([[0], np.cumsum([len(row) for row in lists])]))

    def windows(lists: list[list[int]]) -> list[tuple[int, ...]]:
        return [tuple(row[at : at + n]) for row in lists for at in range(len(row) - n + 1)]

    source = hasher(known)
    found = source.windows(n)
    hashes, first = np.unique(found.hashes, return_index=True)
    checks = source.checks(found.starts[first], n)
    ngrams = NgramSet(hashes, checks, np.full(len(hashes), n, np.uint8))
    assert len(ngrams) == len(set(windows(known)))
    starts, _ = ngrams.find(hasher(rows), n)
    assert len(starts) == sum(window in set(windows(known)) for window in windows(rows))
