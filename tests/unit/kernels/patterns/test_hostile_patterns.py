"""Expressions and texts that make a backtracking engine explode: each case would take years without a limit."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from data_juicer.engine.worker import attempt
from data_juicer.engine.worker.row_isolation import apply_isolated
from data_juicer.kernels.patterns import timed
from data_juicer.ops.base import Filter, Mapper
from data_juicer.ops.catalog.registry import make
from data_juicer.testing.rows import batch_of
from tests.support.small_job import SmallJob

EXPLODING = r"(a|aa)+$"
TEXT = "a" * 60 + "!"
N = 100_000


@pytest.fixture(autouse=True)
def short_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timed, "LIMIT_S", 0.05)
    timed.new_budget()


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


def test_the_slow_texts_of_a_batch_share_a_budget_and_ordinary_ones_go_through_when_it_is_used_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The limits are scaled down a hundredfold. Texts of 60 letters would take a thousand years each."""
    for name, seconds in (("LIMIT_S", 0.1), ("SLOW_S", 0.01), ("BUDGET_S", 0.5), ("LEAST_S", 0.002)):
        monkeypatch.setattr(timed, name, seconds)
    timed.new_budget()
    given_s: list[float] = []
    limit_s = timed.TimeBudget.limit_s

    def watched(budget: timed.TimeBudget, pattern: str, text: str) -> float:
        allowed_s = limit_s(budget, pattern, text)
        given_s.append(allowed_s if text.startswith("aa") else 0.0)
        return allowed_s

    monkeypatch.setattr(timed.TimeBudget, "limit_s", watched)
    rows = [{"text": "a" * (60 + number) + "!"} for number in range(100)]
    rows[50:50] = [{"text": f"a b {number}"} for number in range(100)]
    operator = make("replace_content_mapper", {"pattern": EXPLODING, "repl": "x"}, text_key="text")
    assert isinstance(operator, Mapper)
    done, failed = apply_isolated(operator.process, batch_of(rows))
    assert [lost.row for lost in failed] == [*range(50), *range(150, 200)]
    assert all("ran out of time on a text of" in str(lost.error) for lost in failed)
    assert sum(len(batch) for _, batch in done) == 100
    assert sum(given_s) < 0.5 + 0.2 + 100 * 0.0025, "10 s without a budget, and more as batches are halved"


def test_a_text_that_ran_out_of_time_is_not_tried_again_before_the_next_operator_or_partition() -> None:
    pattern = timed.TimedPattern(EXPLODING, "pattern")
    tried: list[str] = []

    def work(limit_s: float) -> bool:
        tried.append(TEXT)
        raise TimeoutError

    for _ in range(3):
        with pytest.raises(TimeoutError, match="ran out of time on a text of 61 characters"):
            timed.limited(pattern.pattern, TEXT, work)
    assert len(tried) == 1
    timed.new_budget()
    with pytest.raises(TimeoutError):
        timed.limited(pattern.pattern, TEXT, work)
    assert len(tried) == 2


def test_each_operator_of_a_partition_begins_with_a_budget_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    monkeypatch.setattr(attempt, "new_budget", lambda: begun.append(1))
    job = SmallJob(tmp_path, ["clean_links_mapper", "document_deduplicator"], {"partition": {"size": 2}})
    job.write([{"text": "a"}, {"text": "b"}, {"text": "c"}])
    job.run()
    assert len(begun) == 2 * (1 + 2), "of two partitions: the mapper, and both steps of the deduplicator"


def test_very_many_macros_end_by_a_time_limit() -> None:
    text = "".join(f"\\newcommand{{\\a{number}}}{{b}}\n" for number in range(3000))
    operator = make("expand_macro_mapper", {}, text_key="text")
    assert isinstance(operator, Mapper)
    with pytest.raises(TimeoutError, match=r"expanding .newcommand"):
        operator.process(batch_of([{"text": text}]))


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>few</p>" * 400, "few" * 400),
        ("<p>very many</p>" * 12_000, "very many" * 12_000),
        ("".join(f"<p><b id={number}>open</b>" for number in range(800)), "open" * 800),
    ],
    ids=["read here", "many tags", "many kinds of elements"],
)
def test_a_large_page_of_html_has_the_same_text_wherever_it_is_read(page: str, text: str) -> None:
    assert prepared("clean_html_mapper").process(batch_of([{"text": page}])).text("text").to_pylist() == [
        text
    ]


@pytest.mark.parametrize(
    ("page", "error", "message"),
    [
        ("<div>" * 60_000, TimeoutError, "the HTML parser ran out of time"),
        ("".join(f"<p><b id={number}>x" for number in range(4_000)), ValueError, "more than 512 MB"),
    ],
    ids=["deep", "open"],
)
def test_html_that_makes_its_parser_explode_ends_with_its_own_process(
    page: str, error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """400 kB of the first took 7 CPU seconds here, 58 kB of the second 2.9 GB."""
    monkeypatch.setattr(timed, "LIMIT_S", 0.9)
    for name in ("clean_html_mapper", "extract_html_text_mapper"):
        with pytest.raises(error, match=message):
            prepared(name).process(batch_of([{"text": page}]))


def test_the_main_text_of_a_large_page_is_the_same_wherever_it_is_read() -> None:
    page = "<main>" + "<p>very many</p>" * 12_000 + "</main>"
    found = prepared("extract_html_text_mapper").process(batch_of([{"text": page}])).text("text").to_pylist()
    assert found == ["\n\n".join(["very many"] * 12_000)]


def prepared(name: str) -> Mapper:
    operator = make(name, {}, text_key="text")
    assert isinstance(operator, Mapper)
    operator.prepare()
    return operator


def test_tables_in_tables_are_bounded_in_all() -> None:
    operator = make("extract_tables_from_html_mapper", {}, text_key="text")
    assert isinstance(operator, Mapper)
    with pytest.raises(ValueError, match="nested too deep"):
        operator.process(batch_of([{"text": "<table><tr><td>x" * 1_000}]))
    usual = "<table><tr><td>x</table>" * 1_000
    assert len(operator.process(batch_of([{"text": usual}]))) == 1


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
