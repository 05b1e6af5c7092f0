"""dj-analyze: what filters measure, without filtering."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.cli.analyze import main
from data_juicer.cli.process import main as process

ROWS = [
    {"text": " ".join(["word"] * count) + "!" * (count % 3), "meta": {"lang": "en" if count % 3 else "fr"}}
    for count in range(1, 31)
]
PROCESS = [
    "clean_links_mapper",
    {"words_num_filter": {"min_num": 10}},
    "document_deduplicator",
    {"text_length_filter": {"min_len": 1000}},
]


def write_recipe(folder: Path, rows: list[dict[str, Any]], **settings: Any) -> str:
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = {
        "dataset_path": str(folder / "in.jsonl"),
        "export_path": str(folder / "out" / "res.jsonl"),
        "work_dir": str(folder / "jobs"),
        "executor_type": "inline",
        "partition": {"size": 7},
        "process": PROCESS,
        **settings,
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe))
    return str(folder / "recipe.yaml")


def read_table(path: Path) -> dict[str, dict[str, str]]:
    """Row -> column -> cell."""
    with path.open() as file:
        return {row.pop(next(iter(row))): row for row in csv.DictReader(file)}


def test_every_row_is_measured_and_none_is_dropped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path, ROWS, percentiles=[0.1])
    assert main(["--config", recipe, "--by", "meta.lang"]) == 0
    reported = capsys.readouterr()
    assert "measured without clean_links_mapper, document_deduplicator" in reported.err
    stats = [
        json.loads(line)["__dj__stats__"]
        for line in (tmp_path / "out" / "res_stats.jsonl").read_text().splitlines()
    ]
    assert [row["num_words"] for row in stats] == list(range(1, 31))
    assert not (tmp_path / "out" / "res.jsonl").exists()
    overall = read_table(tmp_path / "out" / "analysis" / "overall.csv")
    assert overall["count"] == {"num_words": "30", "text_len": "30"}
    assert (overall["50%"]["num_words"], overall["10%"]["num_words"], overall["mean"]["num_words"]) == (
        "15.0",
        "3.0",
        "15.5",
    )
    by = read_table(tmp_path / "out" / "analysis" / "by_meta.lang.csv")
    assert (by["en"]["rows"], by["fr"]["rows"]) == ("20", "10")
    assert int(by["fr"]["words"]) == sum(range(3, 31, 3))
    lengths = [len(row["text"]) for row in ROWS]
    expected = np.corrcoef(range(1, 31), lengths)[0, 1]
    correlation = read_table(tmp_path / "out" / "analysis" / "correlation.csv")
    assert float(correlation["num_words"]["text_len"]) == pytest.approx(expected, abs=1e-6)
    report = (tmp_path / "out" / "analysis" / "report.html").read_text()
    assert "words_num_filter" in report


def test_rows_without_the_field_are_told_apart(tmp_path: Path) -> None:
    rows = [*ROWS[:3], {"text": "no field at all"}, {"text": "a list", "meta": {"lang": ["a"]}}]
    assert main(["--config", write_recipe(tmp_path, rows), "--by", "meta.lang"]) == 0
    by = read_table(tmp_path / "out" / "analysis" / "by_meta.lang.csv")
    assert {value: row["rows"] for value, row in by.items()} == {
        "en": "2",
        "fr": "1",
        "(missing)": "1",
        '["a"]': "1",
    }


def test_parquet_is_measured_too(tmp_path: Path) -> None:
    recipe = write_recipe(
        tmp_path, ROWS, dataset_path=str(tmp_path / "in.parquet"), export_path=str(tmp_path / "res.parquet")
    )
    pq.write_table(pa.table({"text": [row["text"] for row in ROWS]}), tmp_path / "in.parquet")
    assert main(["--config", recipe]) == 0
    assert len((tmp_path / "res_stats.jsonl").read_text().splitlines()) == 30


def test_a_job_that_filters_goes_on_from_nothing_that_an_analysis_left(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, ROWS, process=PROCESS[1:2], checkpoint={"strategy": "every_op"})
    assert main(["--config", recipe, "--job_id", "one"]) == 0
    assert process(["--config", recipe, "--job_id", "one"]) == 0
    assert len((tmp_path / "out" / "res.jsonl").read_text().splitlines()) == 21


@pytest.mark.parametrize(
    ("settings", "words", "reported"),
    [
        ({"process": ["clean_links_mapper"]}, [], "no filter"),
        ({}, ["--percentiles", "1.5"], "between 0 and 1"),
        ({"percentiles": ["x"]}, [], "percentiles"),
    ],
)
def test_what_cannot_be_measured_is_one_line(
    tmp_path: Path,
    settings: dict[str, Any],
    words: list[str],
    reported: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--config", write_recipe(tmp_path, ROWS, **settings), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reported in line


def test_a_recipe_that_says_analyze_has_filters_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert process(["--config", write_recipe(tmp_path, ROWS, analyze=True)]) == 2
    assert "clean_links_mapper is a mapper; only filters measure" in capsys.readouterr().err
