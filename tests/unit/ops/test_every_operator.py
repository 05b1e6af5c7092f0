"""Every built-in operator on texts of any characters, empty and huge ones: no exception, and no row depends on how rows are cut."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from data_juicer.ops.base import DatasetOperator, Filter, Mapper, Operator
from data_juicer.ops.catalog import registry
from data_juicer.rows.batch import Batch
from data_juicer.testing.dataset_operators import resolve
from data_juicer.testing.rows import batch_of
from tests.support.shared import ASSETS, need

OWN_FUNCTION = Path(__file__).with_name("own_function.py")

PARAMETERS: dict[str, dict[str, Any]] = {
    "frequency_specified_field_selector": {"field_key": "n", "topk": 1},
    "general_field_filter": {"filter_condition": "n > 1 and lang != 'x'"},
    "general_fused_op": {"fused_op_list": ["fix_unicode_mapper", {"text_length_filter": {"min_len": 3}}]},
    "key_value_grouper": {"group_by_keys": ["n"]},
    "ngram_overlap_filter": {"against": [str(OWN_FUNCTION.with_name("own_texts.ngrams"))], "n": 3},
    "nlpaug_en_mapper": {"sequential": True, "delete_random_word": True, "ocr_error_char": True},
    "nlpcda_zh_mapper": {"replace_similar_word": True, "replace_homophone_char": True, "swap_random_char": True},
    "python_file_mapper": {"file_path": str(OWN_FUNCTION), "function_name": "shout"},
    "python_lambda_mapper": {"lambda_str": "lambda row: {**row, 'text': row['text'][::-1]}"},
    "random_selector": {"select_num": 2},
    "range_specified_field_selector": {"field_key": "n", "lower_percentile": 0.1, "upper_percentile": 0.9},
    "replace_content_mapper": {"pattern": ["[aeiou]+", r"(\w)\1"], "repl": "_"},
    "specified_field_filter": {"field_key": "n", "target_value": [0, 2]},
    "specified_numeric_field_filter": {"field_key": "n", "min_value": 1},
    "suffix_filter": {"suffixes": [".txt"]},
    "tags_specified_field_selector": {"field_key": "lang", "target_tags": ["a"]},
    "text_chunk_mapper": {"max_len": 20},
    "token_num_filter": {"hf_tokenizer": "tok"},
    "topk_specified_field_selector": {"field_key": "n", "topk": 2},
}  # fmt: skip
"""Of operators that do nothing, or cannot be made, with their defaults."""

PIECES = [
    "a", "The end.", "the", "\n", "\r\n", " ", "\t", "\x00", "\x85", "\u2028", "\u3000", "\ufeff", "é", "ß", "ﬁ", "İ", "Σ",
    "中", "这里", "한", "г", "ه", "क्ष", "😀", "👩‍💻", "e\u0301", "Ã©", "&amp;", "<", ">", "<p>", "<table><tr><td>1</table>", "</",
    "\\", "\\section{", "\\newcommand{\\a}{b}", "{", "}", "%", "/*", "*/", "//", "#", "@", "a@b.c", "http://x.y/", ":", "1.2.3.4",
    "::1", "-----BEGIN A-----", "$", "(", "[", "|", "\\begin{figure}", "\\includegraphics{x}", "\\end{figure}", "", "\U0010ffff",
]  # fmt: skip
TEXTS = st.lists(
    st.one_of(st.text(max_size=20), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)), max_size=6
)
HUGE = [
    "", "x" * 60_000, "中" * 30_000, "word " * 12_000, "\n" * 30_000, "." * 30_000, "A b. " * 8_000, "<p>" * 5_000,
    "a@" * 15_000, "1." * 20_000, "::" * 15_000, "\\a{" * 8_000, "{" * 20_000, "/*" * 15_000, "%" * 20_000, "www." * 10_000,
    "😀é\u0301" * 10_000, "a|b c\n" * 5_000, "&amp;" * 6_000, "\x00 " * 15_000,
]  # fmt: skip


@pytest.fixture(autouse=True)
def _models(monkeypatch: pytest.MonkeyPatch) -> None:
    need(ASSETS, "the models of the recorded cases")
    monkeypatch.setenv("DATA_JUICER_EXTERNAL_MODELS_HOME", str(ASSETS / "models"))
    monkeypatch.setenv("NLTK_DATA", str(ASSETS / "nltk_data"))


@cache
def made(name: str) -> Operator:
    operator = registry.make(name, PARAMETERS.get(name, {}))
    operator.prepare()
    return operator


def built_in(scope: str) -> list[str]:
    return [name for name in registry.names() if registry.find(name).scope == scope]


def rows_of(texts: list[str]) -> list[dict[str, Any]]:
    """Rows with every field that some operator reads."""
    return [
        {
            "text": text,
            "id": number,
            "n": len(text) % 3,
            "lang": "ab"[number % 2],
            "__dj__suffix__": ".txt",
            "__dj__uid": number,
            "query": text,
            "response": text[::-1],
            "compressed_file": "none.tar",
            "messages": [
                {"role": "user", "content": text},
                {"role": "assistant", "content": [{"text": text}]},
            ],
            "choices": [{"message": {"content": text}}, {}],
        }
        for number, text in enumerate(texts)
    ]


def batch(rows: list[dict[str, Any]]) -> Batch:
    return batch_of(rows, ("text", "query", "response"))


def processed(operator: Operator, before: Batch) -> Batch:
    """What a partition-local operator makes of a batch; of a filter the rows and their figures, kept or not."""
    if isinstance(operator, Filter):
        measured = before.with_stats(operator.compute_stats(before))
        kept = operator.keep(measured.stats)
        assert kept.shape == (len(before),)
        return measured.with_column("kept", kept.tolist())
    assert isinstance(operator, Mapper)
    after = operator.process(before)
    after.text("text").validate(full=True)
    return after


def outcome(operator: Operator, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    after = processed(operator, batch(rows))
    return [after.row(index) for index in range(len(after))]


@pytest.mark.parametrize("name", built_in("partition"))
@given(texts=TEXTS)
@example(texts=[])
@example(texts=["", " ", "\n", "\x00"])
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_together_become_what_each_becomes_alone(name: str, texts: list[str]) -> None:
    operator, rows = made(name), rows_of(texts)
    alone = [made_of for row in rows for made_of in outcome(operator, [row])]
    assert outcome(operator, rows) == alone


@pytest.mark.parametrize("name", built_in("dataset"))
@given(texts=TEXTS, size=st.integers(1, 6))
@example(texts=[], size=1)
@example(texts=["", "", " ", "\n", "\x00"], size=2)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_decisions_about_all_rows_do_not_depend_on_partitions(name: str, texts: list[str], size: int) -> None:
    rows = rows_of(texts)
    assert resolved(name, rows, size) == resolved(name, rows, len(rows) or 1)


def resolved(name: str, rows: list[dict[str, Any]], size: int) -> list[dict[str, Any]]:
    operator = made(name)
    assert isinstance(operator, DatasetOperator)
    parts = [batch(rows[start : start + size]) for start in range(0, len(rows), size)] or [batch([])]
    return [after.row(index) for after in resolve(operator, parts) for index in range(len(after))]


@pytest.mark.parametrize("name", registry.names())
def test_huge_texts_go_through(name: str) -> None:
    operator, rows = made(name), rows_of(HUGE)
    if isinstance(operator, DatasetOperator):
        assert len(resolved(name, rows, 7)) <= len(rows)
    else:
        processed(operator, batch(rows))
