"""What is called safe is what the manifests record, whenever a run ends and whatever became of its log."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from data_juicer.cli import jobs, process
from data_juicer.errors import StoreError
from data_juicer.testing import poison

PROCESS: list[Any] = [
    "clean_links_mapper",
    "fix_unicode_mapper",
    "whitespace_normalization_mapper",
    "punctuation_normalization_mapper",
    {"text_length_filter": {"min_len": 3}},
]
FAILING = "poison_mapper"
QUIET = {"fault_tolerance": {"on_bad_row": "fail", "max_retries": 0}}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    rows = [json.dumps({"text": f"!raise row number {n}"}) for n in range(30)]
    (tmp_path / "in.jsonl").write_text("\n".join(rows) + "\n")
    return tmp_path


def run(work: Path, operators: list[Any], **settings: Any) -> int:
    recipe = {
        "dataset_path": str(work / "in.jsonl"),
        "export_path": str(work / "out.jsonl"),
        "work_dir": str(work / "jobs"),
        "job_id": "j",
        "process": operators,
        "custom_operator_paths": [poison.__file__],
        "executor_type": "inline",
        "partition": {"size": 10},
        "checkpoint": {"strategy": "every_op"},
        **settings,
    }
    (work / "recipe.json").write_text(json.dumps(recipe))
    return process.main(["--config", str(work / "recipe.json")])


def safe(text: str) -> list[str]:
    return [line.partition("  ")[2].strip() for line in text.splitlines() if line.startswith("safe")]


def shown(work: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert jobs.main(["show", "j", "--work_dir", str(work / "jobs")]) == 0
    return safe(capsys.readouterr().out)


FOUR = (
    "0 of 3 partitions committed, 1 failed (0 of 30 rows); "
    "1 other has checkpoints, up to operator 4 of 5 (punctuation_normalization_mapper)"
)
TWO = (
    "2 of 3 partitions committed (20 of 30 rows); "
    "1 other has checkpoints, up to operator 5 of 5 (text_length_filter)"
)


def test_checkpoints_of_operators_are_reported_where_no_partition_is_done(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(work, [*PROCESS[:4], FAILING], **QUIET) == 1
    assert safe(capsys.readouterr().err) == [FOUR]
    assert shown(work, capsys) == [FOUR]


def test_a_lost_log_makes_nothing_unsafe(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(work, [*PROCESS[:4], FAILING], **QUIET) == 1
    shutil.rmtree(work / "jobs" / "j" / "event_logs")
    assert shown(work, capsys) == [FOUR.replace(", 1 failed", "")]


def test_a_run_that_fails_before_its_scan_tells_what_earlier_runs_committed(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("the disk is full.")

    assert run(work, PROCESS) == 0
    shutil.rmtree(work / "jobs" / "j" / "event_logs")
    (work / "jobs" / "j" / "results" / "partition_000001.json").unlink()
    os.remove(work / "out.jsonl")
    monkeypatch.setattr("data_juicer.engine.run.scan_input", full)
    assert run(work, PROCESS) == 1
    assert safe(capsys.readouterr().err) == [TWO]
    assert shown(work, capsys) == [TWO]
    assert jobs.main(["list", "--work_dir", str(work / "jobs"), "--output", "json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["jobs"]
    assert (entry["counts"]["partitions_done"], entry["counts"]["rows_done"]) == (2, 20)


def test_nothing_is_said_to_be_safe_before_anything_is_known(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (work / "in.jsonl").write_text('{"other": "field"}\n')
    assert run(work, PROCESS) != 0
    assert safe(capsys.readouterr().err) == []
