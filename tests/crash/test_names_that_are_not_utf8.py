"""A file system allows names that are no UTF-8: they are read, shown escaped, and survive in every document."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from data_juicer.cli import jobs, process
from data_juicer.portable import unescape

FOLDER, NAME = b"in\xff", b"\xff\xfe.jsonl"
ROWS = '{"text": "one row"}\n{"text": 1e}\n{"text": "one row"}\n{"text": "another"}\n'


@pytest.fixture
def source(tmp_path: Path) -> str:
    folder = os.path.join(os.fsencode(tmp_path), b"input", FOLDER)
    os.makedirs(folder)
    path = os.path.join(folder, NAME)
    Path(os.fsdecode(path)).write_text(ROWS)
    return os.fsdecode(path)


def run(tmp_path: Path, executor: str = "inline", **settings: object) -> int:
    recipe = {
        "dataset_path": str(tmp_path / "input"),
        "export_path": str(tmp_path / "out.jsonl"),
        "work_dir": str(tmp_path / "w"),
        "job_id": "j",
        "np": 1,
        "executor_type": executor,
        "process": ["whitespace_normalization_mapper", "document_deduplicator"],
        "fault_tolerance": {"max_dead_letter_ratio": 0.9},
        "checkpoint": {"strategy": "every_op"},
        "partition": {"size": 1},
        "open_tracer": True,
    }
    (tmp_path / "recipe.json").write_text(json.dumps(recipe | settings))
    return process.main(["--config", str(tmp_path / "recipe.json")])


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_job_over_such_a_file_runs_resumes_and_is_shown(
    tmp_path: Path,
    source: str,
    executor: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # the timeline is written there
    export = tmp_path / "out.jsonl"
    assert run(tmp_path, executor) == 0
    wanted = export.read_bytes()
    assert wanted.splitlines() == [b'{"text": "one row"}', b'{"text": "another"}']
    export.unlink()
    assert run(tmp_path, executor) == 0
    assert export.read_bytes() == wanted
    assert run(tmp_path, executor) == 0
    assert "nothing was left to do" in capsys.readouterr().out
    for command in ("show", "dead-letters", "verify", "explain", "list", "timeline"):
        arguments = [] if command == "list" else ["j"]
        for form in ([], ["--output", "json"]):
            assert jobs.main([command, *arguments, "--work_dir", str(tmp_path / "w"), *form]) == 0, command
            reported = capsys.readouterr()
            (reported.out + reported.err).encode()


def test_every_document_has_the_name(tmp_path: Path, source: str) -> None:
    assert run(tmp_path) == 0
    job = tmp_path / "w" / "j"
    (dead,) = [
        json.loads(line)
        for path in job.glob("dead_letter/partition_000001.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert unescape(dead["source"]) == source
    mapping = json.loads((job / "metadata" / "dataset_mapping.json").read_text())
    assert [unescape(each["path"]) for each in mapping["sources"]] == [source]
    (report,) = list(job.glob("metadata/*.parquet"))
    (row,) = pq.read_table(report).to_pylist()
    assert {unescape(present) for key, present in row.items() if key.endswith("source")} == {source}
    for path in job.rglob("*.json*"):
        if not path.name.endswith((".gz", ".zst")):
            path.read_bytes().decode()


def test_a_job_over_such_a_file_goes_on_after_its_worker_files_are_lost(tmp_path: Path, source: str) -> None:
    assert run(tmp_path) == 0
    wanted = (tmp_path / "out.jsonl").read_bytes()
    (tmp_path / "out.jsonl").unlink()
    for path in (tmp_path / "w" / "j").rglob("results*/*"):
        if path.is_file():
            path.unlink()
    assert run(tmp_path) == 0
    assert (tmp_path / "out.jsonl").read_bytes() == wanted


def test_the_jobs_and_the_export_may_be_in_such_a_folder(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(os.path.dirname(source))
    source_name = "*.jsonl"
    for executor in ("inline", "local"):
        paths = {
            "dataset_path": source_name,
            "export_path": f"out/{executor}.jsonl",
            "work_dir": "../w",
            "job_id": executor,
        }
        assert run(tmp_path, executor, **paths) == 0
        assert len(Path("out", f"{executor}.jsonl").read_bytes().splitlines()) == 2
        Path("out", f"{executor}.jsonl").unlink()
        assert run(tmp_path, executor, **paths) == 0
        assert run(tmp_path, executor, **paths) == 0
        assert "nothing was left to do" in capsys.readouterr().out
        for command in ("show", "verify", "explain", "dead-letters"):
            assert jobs.main([command, executor, "--work_dir", "../w"]) == 0
            (reported := capsys.readouterr()) and (reported.out + reported.err).encode()


def test_such_a_name_may_be_typed(tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "--export_path",
        str(tmp_path / "out.jsonl"),
        "--work_dir",
        str(tmp_path / "w"),
        "--executor_type",
        "inline",
    ]
    lenient = ["--fault_tolerance.max_dead_letter_ratio", "0.9", "--job_id", "j"]
    assert process.main(["--dataset_path", source, *words, *lenient]) == 0, capsys.readouterr().err
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 3
    (tmp_path / "out.jsonl").unlink()
    assert process.main(["--dataset_path", source, *words, *lenient]) == 0, capsys.readouterr().err
    assert jobs.main(["show", "j", "--work_dir", str(tmp_path / "w"), "--output", "json"]) == 0
