"""Commands and recipes whose jobs, folders and files are on a server that speaks S3."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_juicer.cli.jobs import main as dj_jobs
from data_juicer.cli.process import main as dj_process
from data_juicer.storage import open_store
from tests.support.cloud_jobs import DEDUPLICATED, put_input, recipe, run


@pytest.fixture
def job(bucket: str) -> str:
    """The folder of jobs; one of the name `job` is complete in it."""
    places = {
        "dataset_path": put_input(bucket),
        "export_path": f"{bucket}/out/r.jsonl",
        "work_dir": f"{bucket}/work",
    }
    run(places, DEDUPLICATED[:1])
    return f"{bucket}/work"


def test_a_job_is_found_by_folder_and_by_location(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["list", f"{job}/"],
        ["list", "--work_dir", job],
        ["show", f"{job}/job"],
        ["show", f"{job}/job/"],
        ["verify", "job", "--work_dir", job],
        ["clean", "job", "--work_dir", f"{job}/"],
    ):
        assert dj_jobs(words) == 0, (words, capsys.readouterr().err)
        assert "Traceback" not in capsys.readouterr().err


def test_a_job_is_gone_on_with_by_its_id(job: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert dj_jobs(["resume", "job", "--work_dir", job]) == 0
    assert "job is complete" in capfd.readouterr().out


def test_a_whole_job_is_removed_and_its_export_stays(job: str) -> None:
    assert dj_jobs(["clean", "job", "--older_than", "0", "--work_dir", job]) == 0
    store = open_store(job)
    assert store.entries(f"{job}/job") == []
    assert store.exists(f"{job.removesuffix('/work')}/out/r.jsonl")


def test_a_recipe_may_be_in_a_store(bucket: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    places = {
        "dataset_path": put_input(bucket),
        "export_path": str(tmp_path / "out.jsonl"),
        "work_dir": str(tmp_path / "work"),
    }
    settings = recipe(places, DEDUPLICATED[:1], executor_type="inline")
    open_store(bucket).put(f"{bucket}/recipes/clean.json", json.dumps(settings).encode())
    assert dj_process(["--config", f"{bucket}/recipes/clean.json"]) == 0, capfd.readouterr().err
    assert f"--config {bucket}/recipes/clean.json" in capfd.readouterr().out
    assert dj_process(["--config", f"{bucket}/recipes/none.yaml"]) == 2
    assert "the recipe cannot be read: No such object" in capfd.readouterr().err


def test_a_dry_run_reads_input_of_a_store(bucket: str, tmp_path: Path) -> None:
    words = ["--dataset_path", put_input(bucket), "--export_path", str(tmp_path / "out.jsonl")]
    assert dj_process([*words, "--work_dir", str(tmp_path / "work"), "--dry_run"]) == 0
    assert not (tmp_path / "work").exists()
