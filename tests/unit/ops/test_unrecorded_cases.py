"""What DataJuicer gives for inputs that no recorded case holds, found by running it beside these operators."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_juicer.kernels.characters.special_characters import SPECIAL_CHARACTERS
from data_juicer.ops.base import Filter, Mapper
from data_juicer.ops.catalog import registry
from data_juicer.ops.resources.punkt import load_punkt
from data_juicer.testing.rows import batch_of


def mapped(name: str, parameters: dict[str, Any], text: str) -> list[str]:
    operator = registry.make(name, parameters)
    assert isinstance(operator, Mapper)
    operator.prepare()
    after = operator.process(batch_of([{"text": text}]))
    return after.text("text").to_pylist()


def judged(name: str, parameters: dict[str, Any], row: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    operator = registry.make(name, parameters)
    assert isinstance(operator, Filter)
    operator.prepare()
    batch = batch_of([row])
    stats = operator.compute_stats(batch)
    return batch.with_stats(stats).row_stats(0), bool(np.asarray(operator.keep(stats))[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"head \paragraph{One} text", r"\paragraph{One} text"),
        (r"head \subparagraph*{One} text", r"\subparagraph*{One} text"),
        (r"head \paragraph[o]{One}\subparagraph{Two}", r"\paragraph[o]{One}\subparagraph{Two}"),
        (r"head \paragraphs{One} text", ""),
        (r"head \subsubparagraph{One} \subchapter{Two} \subpart{Three}", ""),
    ],
)
def test_a_paragraph_is_a_heading(text: str, expected: str) -> None:
    assert mapped("remove_header_mapper", {}, text) == [expected]


@pytest.mark.parametrize(
    ("parameters", "text", "expected"),
    [
        ({"max_len": 6}, "\n\nfirst part", ["first ", "part"]),
        ({"max_len": 6}, "one\n\n  \n\nlonger", ["one", "longer"]),
        ({"max_len": 6}, " " * 8, ["  "]),
        ({"max_len": 6, "split_pattern": None}, " " * 8, [" " * 6, "  "]),
        ({"max_len": 6, "overlap_len": 2, "split_pattern": " "}, "  abcdefgh", ["abcdef", "efgh"]),
    ],
)
def test_of_parts_by_pattern_and_length_only_the_last_may_be_blank(
    parameters: dict[str, Any], text: str, expected: list[str]
) -> None:
    assert mapped("text_chunk_mapper", parameters, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("\n \n \n", "\n \n\n"), ("x. .\n\n. y", "x. .\n\n y"), ("Б.\n\nГ.", "Б.\n\n")],
)
def test_an_empty_line_is_no_sentence(text: str, expected: str) -> None:
    assert mapped("remove_repeat_sentences_mapper", {"min_repeat_sentence_length": 0}, text) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at 010.001.02.3!", "at [IP_REDACTED]!"),
        ("at 0010.1.2.3", "at 0010.1.2.3"),
        ("at ٢٠.1.2.3", "at [IP_REDACTED]"),
        ("at 300.1.2.3", "at 300.1.2.3"),
    ],
)
def test_octets_may_have_leading_zeros_and_digits_of_any_script(text: str, expected: str) -> None:
    assert mapped("pii_redaction_mapper", {}, text) == [expected]


def test_the_set_of_special_characters_is_known_to_the_character() -> None:
    assert SPECIAL_CHARACTERS.issuperset("\x81\x85\x91\x99\x9c\x9d\u09be\u2002\u2005\u200a\u202f")
    assert SPECIAL_CHARACTERS.isdisjoint("\x80\x86\x90\x94\x9a\x9f\u2000\u2001\u2004\u2006\u2007\u205f\u1680")
    assert judged("words_num_filter", {}, {"text": "one \x85 two"})[0] == {"num_words": 2}


def test_separators_are_white_space_between_sentences_whatever_the_version_of_nltk(tmp_path: Path) -> None:
    files = tuple(str(tmp_path / name) for name in ("abbreviations", "collocations", "contexts", "starters"))
    for file in files:
        Path(file).touch()
    assert load_punkt(files).tokenize("Go there.\x1dNext one. \x1e End.") == [
        "Go there.",
        "Next one.",
        "End.",
    ]


def test_pieces_that_are_left_keep_their_capitals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["See Www www Here"] * 9),
        model_writer=model,
        vocab_size=40,
        hard_vocab_limit=False,
        user_defined_symbols=["www"],
        minloglevel=2,
    )
    (tmp_path / "xx.sp.model").write_bytes(model.getvalue())
    monkeypatch.setenv("DATA_JUICER_EXTERNAL_MODELS_HOME", str(tmp_path))
    parameters = {"lang": "xx", "tokenization": True, "substrings": ["www"]}
    name = "remove_words_with_incorrect_substrings_mapper"
    assert mapped(name, parameters, "See Www www Here") == ["SeeWwwHere"]
    assert mapped(name, parameters, "See Www Here") == ["See Www Here"]


@pytest.mark.parametrize(
    ("low", "high", "closed", "kept"),
    [
        (2, 4, (True, True), [0, 1, 2, 4, 5]),
        (2, 4, (True, False), [0, 1, 2, 5]),
        (2, 4, (False, True), [0, 1, 4, 5]),
        (2, 4, (False, False), [0, 1, 5]),
        (3, 3, (True, True), [0, 1, 2, 3, 4, 5]),
        (None, 4, (True, True), [4, 5]),
        (2, None, (False, True), [0, 1]),
        (None, None, (True, True), []),
    ],
)
def test_a_reversed_range_keeps_its_closed_bounds(
    low: int | None, high: int | None, closed: tuple[bool, bool], kept: list[int]
) -> None:
    shared = {"reversed_range": True, "min_closed_interval": closed[0], "max_closed_interval": closed[1]}
    rows = [{"text": "x" * number, "n": number} for number in range(6)]
    by_length = {"min_len": low, "max_len": high, **shared}
    by_field = {"field_key": "n", "min_value": low, "max_value": high, **shared}
    assert [row["n"] for row in rows if judged("text_length_filter", by_length, row)[1]] == kept
    assert [row["n"] for row in rows if judged("specified_numeric_field_filter", by_field, row)[1]] == kept


def test_a_bound_may_be_missing() -> None:
    assert judged("text_length_filter", {"min_len": None, "max_len": 2}, {"text": ""})[1]
    assert judged("alphanumeric_filter", {"max_ratio": None, "min_ratio": None}, {"text": "%"})[1]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 4}}, (3, 4, 7)),
        ({"usage": {"prompt_tokens": 2.5, "completion_tokens": 4, "total_tokens": 7.5}}, (2.5, 4, 7.5)),
        ({"usage": {"prompt_tokens": 0, "completion_tokens": 0}}, (0, 0, None)),
        ({"usage": {"prompt_tokens": 1}, "choices": [{"usage": {"total_tokens": 8}}]}, (1, 0, 8)),
    ],
)
def test_tokens_that_no_record_adds_up_are_added_up(row: dict[str, Any], expected: tuple[Any, ...]) -> None:
    operator = registry.make("usage_counter_mapper", {})
    assert isinstance(operator, Mapper)
    tags = operator.process(batch_of([row], ())).row(0)["__dj__meta__"]
    assert (tags["prompt_tokens"], tags["completion_tokens"], tags["total_tokens"]) == expected


def test_addresses_of_pages_are_reported_by_their_lower_case_scheme() -> None:
    text = "see https://a.b/C?d, HTTP://A.B and ftp://a.b"
    expected = "see [URL_REDACTED] HTTP://A.B and ftp://a.b"
    assert mapped("pii_redaction_mapper", {"mask_urls": True}, text) == [expected]
