"""dj-jobs compare: two jobs side by side, and the rows of their results as sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from data_juicer.cli import jobs
from data_juicer.engine.replay.compare_rows import compare_rows
from tests.support.small_job import SmallJob

PROCESS = [
    "whitespace_normalization_mapper",
    {"words_num_filter": {"min_num": 2}},
    {"text_length_filter": {"min_len": 3}},
]


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    """One recipe twice, the second time with another bound and an operator more."""
    a = SmallJob(tmp_path, PROCESS, {"partition": {"size": 10}}, "a")
    a.write({"text": " ".join(["word"] * (n % 5 + 1)) + f" {n}"} for n in range(30))
    a.run()
    other = [PROCESS[0], {"words_num_filter": {"min_num": 4}}, PROCESS[2], "fix_unicode_mapper"]
    b = SmallJob(tmp_path, other, {"partition": {"size": 5}}, "b")
    b.run()
    return a.layout.job_dir, b.layout.job_dir


def compared(capsys: Any, *words: str) -> str:
    assert jobs.main(["compare", *words]) == 0
    return capsys.readouterr().out


def test_settings_and_rows_at_each_operator_are_side_by_side(pair, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = compared(capsys, *pair)
    cells = [line.split() for line in out.splitlines()]
    assert ["partition.size", "10", "5"] in cells
    assert ["words_num_filter.min_num", "2", "4"] in cells
    assert ["fix_unicode_mapper", "-", "{}"] in cells
    assert ["words_num_filter", "24", "12", "-12"] in [line[:4] for line in cells]
    assert max(len(line) for line in out.splitlines() if not line.startswith(("a ", "b "))) <= 80


def test_a_job_is_the_same_as_itself(pair, capsys) -> None:
    out = compared(capsys, pair[0], pair[0], "--rows")
    assert "the settings are the same" in out
    assert "the results hold the same 24 rows" in out


def test_rows_of_one_result_alone_are_counted_and_shown(pair, capsys) -> None:
    out = compared(capsys, *pair, "--rows", "--examples", "1")
    assert "rows in both 12, only in a 12, only in b 0" in out
    assert out.count("only in a:") == 1
    report = json.loads(compared(capsys, *pair, "--rows", "--output", "json"))
    assert report["rows"]["rows_only_a"] == 12
    assert len(report["rows"]["examples_a"]) == 3


def tables(*rows: dict[str, Any]) -> Any:
    return lambda: [pa.Table.from_pylist([row]) for row in rows]


@pytest.mark.parametrize("rows_a_pass", [1, 2, 100])
def test_equal_rows_count_as_often_as_they_are_there_in_whatever_order_and_however_many_passes(
    rows_a_pass,
) -> None:
    one, two, three = ({"text": name} for name in ("one", "two", "three"))
    reported = compare_rows(tables(one, one, two), tables(two, one, three, three), 7, 5, rows_a_pass)
    assert (reported.rows_both, reported.rows_only_a, reported.rows_only_b) == (2, 1, 2)
    assert (reported.examples_a, reported.examples_b) == ((one,), (three,))


def test_a_field_that_a_row_lacks_is_the_same_as_null() -> None:
    a, b = tables({"text": "x", "more": None}), tables({"text": "x"})
    assert compare_rows(a, b, 2, 1).rows_both == 1


def test_a_job_without_a_result_is_named(pair, capsys) -> None:
    Path(pair[1], "results", "results.json").unlink()
    assert jobs.main(["compare", *pair, "--rows"]) == 1
    assert "has no result yet" in capsys.readouterr().err
