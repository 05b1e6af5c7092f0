"""Inputs and outputs are compared by the files that they are, through links and patterns, however they are spelled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data_juicer.cli import process


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.jsonl").write_text('{"text": "a row"}\n')
    (tmp_path / "dlink").symlink_to("d")
    return tmp_path


def run(**settings: Any) -> int:
    recipe = {
        "export_path": "out.jsonl",
        "work_dir": "w",
        "job_id": "j",
        "executor_type": "inline",
        "process": ["whitespace_normalization_mapper"],
    }
    Path("recipe.json").write_text(json.dumps(recipe | settings))
    return process.main(["--config", "recipe.json"])


@pytest.mark.parametrize(
    "settings",
    [
        {"dataset_path": "dlink", "export_path": "d/out.jsonl"},
        {"dataset_path": "d", "export_path": "dlink/out.jsonl"},
        {"dataset_path": "dlink/*.jsonl", "export_path": "d/out.jsonl"},
        {"dataset_path": "dlink", "work_dir": "d/jobs"},
        {"dataset_path": "d", "work_dir": "dlink/jobs"},
        {"dataset_path": "d/a.jsonl", "export_path": "dlink/a.jsonl"},
    ],
    ids=str,
)
def test_what_the_next_run_would_read_is_refused_and_nothing_is_created(
    folder: Path, settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(**settings) == 2
    assert "Nothing was changed" in capsys.readouterr().err
    assert sorted(path.name for path in folder.rglob("*")) == ["a.jsonl", "d", "dlink", "recipe.json"]


def test_a_pattern_allows_an_export_that_it_cannot_match(folder: Path) -> None:
    for _ in range(2):
        assert run(dataset_path="d/*.jsonl", export_path="d/clean/out.jsonl") == 0
        assert (folder / "d/clean/out.jsonl").read_text() == '{"text": "a row"}\n'


def test_two_spellings_of_a_file_are_read_once_with_a_notice(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(dataset_path=["./d/a.jsonl", "d/a.jsonl", "dlink/a.jsonl"]) == 0
    assert (folder / "out.jsonl").read_text() == '{"text": "a row"}\n'
    reported = capsys.readouterr()
    assert "a file is read once" in reported.err + reported.out
