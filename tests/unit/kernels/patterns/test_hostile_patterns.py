"""Expressions and texts that make a backtracking engine explode: each case would take years without a limit."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from data_juicer.kernels.patterns import patterns, timed
from data_juicer.ops.base import Filter, Mapper
from data_juicer.ops.catalog.registry import make
from data_juicer.testing.rows import batch_of

EXPLODING = r"(a|aa)+$"
TEXT = "a" * 60 + "!"
N = 100_000


@pytest.fixture(autouse=True)
def short_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timed, "LIMIT_S", 0.05)
    monkeypatch.setattr(patterns, "LIMIT_S", 0.05)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("clean_links_mapper", {"pattern": EXPLODING}),
        ("clean_email_mapper", {"pattern": EXPLODING}),
        ("clean_ip_mapper", {"pattern": EXPLODING}),
        ("replace_content_mapper", {"pattern": EXPLODING, "repl": "x"}),
        ("text_chunk_mapper", {"split_pattern": EXPLODING}),
        ("text_chunk_mapper", {"split_pattern": EXPLODING, "max_len": 50}),
        ("pii_redaction_mapper", {"extra_patterns": [[EXPLODING, "x"]]}),
    ],
)
def test_an_exploding_pattern_ends_by_a_linear_engine_or_a_time_limit(
    name: str, parameters: dict[str, Any]
) -> None:
    operator = make(name, parameters, text_key="text")
    operator.prepare()
    assert isinstance(operator, Mapper)
    with contextlib.suppress(TimeoutError):
        operator.process(batch_of([{"text": TEXT}]))


@pytest.mark.timeout(60)
def test_a_pattern_for_tool_results_ends_by_a_time_limit() -> None:
    operator = make("tool_success_tagger_mapper", {"error_patterns": [EXPLODING]}, text_key="text")
    assert isinstance(operator, Mapper)
    messages = [{"role": "tool", "content": TEXT}]
    with pytest.raises(TimeoutError):
        operator.process(batch_of([{"text": "", "messages": messages}]))


TEXTS = {
    "CJK without spaces": "汉字无空格" * (N // 5),
    "CJK and at signs": ("汉字无空格" * 20 + "@") * (N // 101),
    "one letter": "a" * N,
    "letters and at signs": "a@" * (N // 2),
    "dots": "a." * (N // 2),
    "schemes": "http://" * (N // 7),
    "digits": "1." * (N // 2),
    "comment starts": "/*" * (N // 2),
    "angle brackets": "<a " * (N // 3),
    "spaces": " " * N + "x",
    "commands": "\\begin{figure}" * (N // 14),
}
OPERATORS = [
    "clean_email_mapper",
    "clean_links_mapper",
    "clean_ip_mapper",
    "clean_html_mapper",
    "clean_copyright_mapper",
    "remove_header_mapper",
    "remove_bibliography_mapper",
    "remove_table_text_mapper",
    "remove_comments_mapper",
    "sentence_split_mapper",
    "pii_redaction_mapper",
    "special_characters_filter",
    "words_num_filter",
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", OPERATORS)
def test_no_text_makes_an_operator_run_away(name: str) -> None:
    try:
        operator = make(name, {}, text_key="text")
        operator.prepare()
    except Exception as error:
        pytest.skip(f"not here: {error}")
    batch = batch_of([{"text": text} for text in TEXTS.values()])
    if isinstance(operator, Filter):
        assert operator.compute_stats(batch)
    else:
        assert isinstance(operator, Mapper)
        assert len(operator.process(batch)) >= 1
