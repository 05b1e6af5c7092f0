"""Rows before and after operators for people: of a few rows of what is committed, whatever of it is still saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import data_juicer
from data_juicer.engine.replay import samples
from data_juicer.engine.replay.samples import RowSamples, sample_rows
from data_juicer.monitor.handle import JobHandle

TEXTS = ["a  b", "", "c\u00a0d", "a  b", "dead", "long enough"] * 8
PROCESS: list[Any] = [
    "whitespace_normalization_mapper",
    {"text_length_filter": {"min_len": 3}},
    "document_deduplicator",
    {"text_length_filter": {"min_len": 1, "max_len": 8}},
]
SAVED: list[dict[str, Any]] = [
    {"checkpoint": {"strategy": "every_op"}},
    {"checkpoint": {"strategy": "every_partition"}},
    {"checkpoint": {"strategy": "disabled"}},
]


def run(folder: Path, process: list[Any] = PROCESS, **settings: Any) -> JobHandle:
    rows = (json.dumps({"text": text}) for text in TEXTS)
    (folder / "in.jsonl").write_text("".join(f"{row}\n" for row in rows))
    data_juicer.run(
        {
            "dataset_path": str(folder / "in.jsonl"),
            "export_path": str(folder / "out.jsonl"),
            "work_dir": str(folder / "work"),
            "process": process,
            "partition": {"size": 12},
            "executor_type": "inline",
            **settings,
        },
        job_id="mine",
    )
    return JobHandle.open(str(folder / "work"), "mine")


def sampled(job: JobHandle, size: int = 100, seconds: list[bool] | None = None) -> RowSamples:
    return sample_rows(job.store, job.layout, job.summary, size, lambda: bool(seconds and seconds.pop(0)))


def found(reported: RowSamples) -> set[tuple[str, str, str, str]]:
    changed = {
        (row.operator, f"line {row.line}", row.before["text"], (row.after or {})["text"])
        for row in reported.changed
    }
    return changed | {(row.operator, row.place, row.text, row.why) for row in reported.dropped}


@pytest.mark.parametrize("settings", SAVED, ids=str)
def test_rows_are_shown_before_and_after_operators_whatever_is_saved(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    reported = found(sampled(run(tmp_path, **settings)))
    assert ("whitespace_normalization_mapper", "line 3", "c\u00a0d", "c d") in reported
    assert ("text_length_filter", "line 2", "", "text_len = 0 is below 3") in reported
    assert ("text_length_filter", "line 6", "long enough", "text_len = 11 is outside [1, 8]") in reported
    assert ("document_deduplicator", "line 4", "a  b", "a duplicate of row 1 of the same file") in reported


@pytest.mark.parametrize("settings", SAVED, ids=str)
def test_only_the_first_rows_of_a_partition_are_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    job = run(tmp_path, **settings)
    whole = found(sampled(job))
    monkeypatch.setattr(samples, "ROWS_MAX", 5)
    few = found(sampled(job))
    assert few <= whole  # a decision is still applied to the row that it is about
    assert any(operator == "document_deduplicator" for operator, *_ in few)
    lines = {int(place[5:]) for operator, place, *_ in few if operator == "whitespace_normalization_mapper"}
    assert settings["checkpoint"]["strategy"] == "every_op" or max((line - 1) % 12 for line in lines) < 5


def test_it_ends_after_the_operator_at_which_its_time_is_over(tmp_path: Path) -> None:
    job = run(tmp_path)
    reported = sampled(job, seconds=[False, False, True, True])
    assert reported.partitions == 1
    assert {row[0] for row in found(reported)} <= {"whitespace_normalization_mapper", "text_length_filter"}


def test_code_of_the_jobs_own_is_not_run_to_show_it_but_what_it_saved_is_shown(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    code = tmp_path / "own.py"
    code.write_text(
        "from data_juicer.ops.base_op import OPERATORS, Mapper\n"
        f"with open({str(mark)!r}, 'a') as file: file.write('x')\n"
        "@OPERATORS.register_module('shouting_of_samples_mapper')\n"
        "class Shouting(Mapper):\n"
        "    def process_single(self, sample):\n"
        "        return {**sample, 'text': sample['text'].upper()}\n"
    )
    process = ["whitespace_normalization_mapper", "shouting_of_samples_mapper"]
    settings = {"custom_operator_paths": [str(code)], "text_keys": ["text"]}
    job = run(tmp_path, process, checkpoint={"strategy": "every_op"}, **settings)
    ran = mark.read_text()
    reported = sampled(job)
    assert ("shouting_of_samples_mapper", "line 3", "c d", "C D") in found(reported)
    assert mark.read_text() == ran
