from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_juicer import api
from data_juicer.cli import jobs
from data_juicer.errors import JobFailedError
from data_juicer.testing import poison

ROWS = [
    {"text": "one"},
    {"text": "!raise a"},
    "{not json",
    {"text": "two"},
    {"text": "!raise b"},
    {"text": 3},
    {"text": "three"},
]


@pytest.fixture
def run_job(tmp_path: Path) -> Callable[..., Any]:
    source = tmp_path / "in.jsonl"
    source.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in ROWS))
    recipe = tmp_path / "recipe.yaml"

    def run(process: list[str], **settings: Any) -> Any:
        config = {
            "dataset_path": str(source),
            "export_path": str(tmp_path / "out.jsonl"),
            "process": process,
            "custom_operator_paths": [poison.__file__],
            "executor_type": "inline",
            "partition": {"size": 4},
            "fault_tolerance": {"max_dead_letter_ratio": 1.0},
            **settings,
        }
        recipe.write_text(json.dumps(config))
        return api.run(recipe, job_id="job")

    return run


def call(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = jobs.main(argv)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_dead_letters_are_listed_by_operator_and_error_with_their_places(run_job, tmp_path, capsys) -> None:
    run_job(["whitespace_normalization_mapper", "poison_mapper"])
    code, out, _ = call(capsys, "dead-letters", "job", "--work_dir", str(tmp_path))
    assert code == 0
    assert [line.strip() for line in out.splitlines() if line[:7].strip().isdigit()] == [
        "1  read: invalid_json",
        "1  read: text_not_string",
        "2  poison_mapper: ValueError",
    ]
    assert "in.jsonl, line 2: this row is poison" in out
    assert '{"text": "!raise a"}' in out


def test_dead_letters_as_json_hold_the_untouched_rows(run_job, tmp_path, capsys) -> None:
    run_job(["whitespace_normalization_mapper", "poison_mapper"])
    _, out, _ = call(capsys, "dead-letters", "job", "--work_dir", str(tmp_path), "--output", "json")
    report = json.loads(out)
    assert report["rows"] == 4
    assert [group["rows"] for group in report["groups"]] == [1, 1, 2]
    assert report["groups"][0]["examples"][0]["row"] == "{not json"


def test_dead_letters_of_a_job_that_failed_are_listed_from_what_it_committed(
    run_job, tmp_path, capsys
) -> None:
    big = [{"text": "!raise"}] * 60 + [{"text": "fine"}] * 60
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in big))
    with pytest.raises(JobFailedError, match="dead letters, more than"):
        run_job(
            ["whitespace_normalization_mapper", "poison_mapper"],
            partition={"size": 60},
            fault_tolerance={"max_dead_letter_ratio": 0.01},
        )
    _, out, _ = call(capsys, "dead-letters", "job", "--work_dir", str(tmp_path), "--output", "json")
    assert json.loads(out)["rows"] == 60


def test_dead_letters_run_again_under_the_recipe_as_it_is_now(run_job, tmp_path, capsys) -> None:
    run_job(["whitespace_normalization_mapper", "poison_mapper"])
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(', "poison_mapper"', ""))
    before = (tmp_path / "out.jsonl").read_bytes()
    code, out, _ = call(capsys, "retry-dead-letters", "job", "--work_dir", str(tmp_path))
    assert code == 0
    assert "4 rows run again: 2 still fail, 2 are in the result" in out
    assert "in.jsonl, line 3: not JSON" in out
    retried = (tmp_path / "out.retried.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in retried] == ["!raise a", "!raise b"]
    assert (tmp_path / "out.jsonl").read_bytes() == before
    _, out, _ = call(capsys, "retry-dead-letters", "job", "--work_dir", str(tmp_path), "--output", "json")
    report = json.loads(out)
    assert (report["rows_still_failing"], report["retry_job_id"]) == (2, "job.retry2")


def test_a_job_without_dead_letters_says_so(run_job, tmp_path, capsys) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "fine"}\n')
    run_job(["whitespace_normalization_mapper", "poison_mapper"])
    for command in ("dead-letters", "retry-dead-letters"):
        code, out, _ = call(capsys, command, "job", "--work_dir", str(tmp_path))
        assert (code, out) == (0, "job has no dead letters.\n")


def test_a_recipe_that_is_gone_is_named_with_the_way_out(run_job, tmp_path, capsys) -> None:
    run_job(["whitespace_normalization_mapper", "poison_mapper"])
    (tmp_path / "recipe.yaml").unlink()
    code, _, err = call(capsys, "retry-dead-letters", "job", "--work_dir", str(tmp_path))
    assert code == 2
    assert "recipe.yaml" in err
    assert "nothing was changed" in err
    assert "--config" in err
