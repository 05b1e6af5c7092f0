"""No job's result is replaced unsaid: two jobs with one export path."""

import json
from pathlib import Path

import pytest

from data_juicer.cli import jobs, process

RECIPE = {
    "dataset_path": "rows.jsonl",
    "export_path": "out/result.jsonl",
    "executor_type": "inline",
    "process": [{"text_length_filter": {"min_len": 1}}],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text("".join(f'{{"text": "{"x" * size}"}}\n' for size in range(1, 21)))
    (tmp_path / "recipe.json").write_text(json.dumps(RECIPE))
    return tmp_path


def run(job_id: str, *words: str) -> int:
    return process.main(["--config", "recipe.json", "--job_id", job_id, *words])


def show(job_id: str, capsys: pytest.CaptureFixture[str]) -> dict:
    capsys.readouterr()
    jobs.main(["show", job_id, "--work_dir", "out", "--output", "json"])
    return json.loads(capsys.readouterr().out)


def test_the_job_whose_result_is_replaced_is_named_and_knows(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "out" / "result.jsonl"
    assert run("first") == 0
    assert "warning" not in capsys.readouterr().err
    assert show("first", capsys)["export_change"] is None
    assert run("second", "--text_length_filter.min_len", "15") == 0
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    advice = "To keep both, write {job_id} into export_path."
    assert warnings == [
        f"warning: {path} is the result of job first, and is replaced when this job is complete. {advice}"
    ]
    assert len(path.read_text().splitlines()) == 6
    assert show("first", capsys)["export_change"].endswith(" were written: job second wrote it")
    jobs.main(["show", "first", "--work_dir", "out"])
    assert f"result       {path} holds " in capsys.readouterr().out
    assert show("second", capsys)["export_change"] is None
    assert show("second", capsys)["warnings"] == [warnings[0].removeprefix("warning: ")]


def test_a_resume_that_replaces_another_job_s_result_names_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("first")
    run("second", "--text_length_filter.min_len", "15")
    capsys.readouterr()
    assert run("first") == 0
    assert "is the result of job second, and is replaced" in capsys.readouterr().err
    assert len((folder / "out" / "result.jsonl").read_text().splitlines()) == 20


@pytest.mark.parametrize("words", [[], ["--export_shard_size", "100"]], ids=["file", "shards"])
def test_it_is_refused_before_anything_is_created_where_the_settings_say_so(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert run("first", *words) == 0
    before = {path.name: path.read_bytes() for path in (folder / "out").glob("result*")}
    capsys.readouterr()
    assert run("second", *words, "--overwrite_export", "false") == 2
    error = capsys.readouterr().err
    assert error.startswith("dj-process: export_path: ")
    assert "is the result of job first" in error
    assert error.count("\n") == 1
    assert not (folder / "out" / "second").exists()
    assert {path.name: path.read_bytes() for path in (folder / "out").glob("result*")} == before
    assert run("first", *words, "--overwrite_export", "false", "--text_length_filter.min_len", "3") == 0


def test_a_file_that_no_job_wrote_is_named_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "result.jsonl").write_text("mine\n")
    assert run("first", "--overwrite_export", "false") == 2
    assert (folder / "out" / "result.jsonl").read_text() == "mine\n"
    assert run("first") == 0
    assert "result.jsonl is not known to be of this job, and is replaced" in capsys.readouterr().err


def test_shards_that_another_job_wrote_since_are_not_removed(folder: Path) -> None:
    shards = lambda: sorted(path.name for path in (folder / "out").glob("result-*"))  # noqa: E731
    assert run("first", "--export_shard_size", "60") == 0
    many = shards()
    for name in many:
        (folder / "out" / name).write_text("another job's\n")
    assert run("first", "--export_shard_size", "600") == 0
    assert [name for name in shards() if (folder / "out" / name).read_text() == "another job's\n"] == many


def test_an_export_path_with_the_id_keeps_both(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for job_id in ("first", "second"):
        assert run(job_id, "--export_path", "out/{job_id}.jsonl") == 0
    assert "warning" not in capsys.readouterr().err
    assert (folder / "out" / "first.jsonl").read_bytes() == (folder / "out" / "second.jsonl").read_bytes()
