"""The resume command is typed as it is in the summary, in another folder and with nothing in the environment."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import data_juicer
from data_juicer.cli import jobs, process
from data_juicer.job.summary import split_command

ROWS = 40
SETTINGS = {
    "dataset_path": "rows.jsonl",
    "export_path": "out/result.jsonl",
    "executor_type": "inline",
    "partition": {"size": 10},
    "fault_tolerance": {"on_bad_row": "fail"},
    "process": [{"text_length_filter": {"min_len": 1}}, {"python_file_mapper": {"file_path": "shout.py"}}],
}
SHOUT = "def process_single(sample):\n    return {**sample, 'text': sample['text'].upper()}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where the job is started; a row of its input cannot be read until it is corrected."""
    here = tmp_path / "a folder"
    here.mkdir()
    (tmp_path / "elsewhere").mkdir()
    rows = [json.dumps({"text": f"row {number}"}) for number in range(ROWS)]
    (here / "rows.jsonl").write_text("\n".join(["no json", *rows]) + "\n")
    (here / "recipe.json").write_text(json.dumps(SETTINGS))
    (here / "shout.py").write_text(SHOUT)
    monkeypatch.chdir(here)
    return here


def resume(folder: Path, job_id: str = "j") -> dict:
    """The summary after its command was typed elsewhere."""
    path = next(folder.rglob(f"{job_id}/job_summary.json"))
    rows = (folder / "rows.jsonl").read_text().splitlines()[1:]
    (folder / "rows.jsonl").write_text("\n".join(rows) + "\n")
    words = shlex.split(json.loads(path.read_text())["resume_command"])
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DJ_")}
    subprocess.run(
        [sys.executable, "-m", "data_juicer", *words[1:]],
        cwd=folder.parent / "elsewhere",
        env=environ,
        check=True,
        capture_output=True,
    )
    assert list((folder.parent / "elsewhere").iterdir()) == []
    assert (folder / "out" / "result.jsonl").read_text().count("ROW") == ROWS
    return json.loads(path.read_text())


def fails_by_command(*words: str) -> None:
    assert process.main([*words, "--job_id", "j"]) == 1


def test_a_job_goes_on_from_another_folder(folder: Path) -> None:
    fails_by_command("--config", "recipe.json")
    assert len(resume(folder)["runs"]) == 2


def test_settings_of_variables_are_in_the_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJ_CHECKPOINT__STRATEGY", "manual")
    monkeypatch.setenv("DJ_CHECKPOINT__OP_NAMES", "text_length_filter")
    monkeypatch.setenv("DJ_PARTITION_SIZE", "7")
    monkeypatch.setenv("DJ_NP", "3")
    fails_by_command("--config", "recipe.json", "--np", "2")
    config = resume(folder)["config"]
    assert config["checkpoint"]["strategy"] == "manual"
    assert config["checkpoint"]["op_names"] == ["text_length_filter"]
    assert config["partition"]["size"] == 7
    assert config["np"] == 2


@pytest.mark.parametrize("recipe", [SETTINGS, "recipe.json"], ids=["dict", "path"])
def test_a_job_that_a_program_started_goes_on_by_a_command(folder: Path, recipe: object) -> None:
    with pytest.raises(data_juicer.DataJuicerError):
        data_juicer.run(
            recipe, job_id="j", np=2, checkpoint={"strategy": "manual", "op_names": "text_length_filter"}
        )
    config = resume(folder)["config"]
    assert (config["np"], config["checkpoint"]["strategy"]) == (2, "manual")


def test_a_job_without_a_recipe_goes_on(folder: Path) -> None:
    process_ = json.dumps(SETTINGS["process"])
    words = ["--dataset_path", "rows.jsonl", "--export_path", "out/result.jsonl", "--process", process_]
    fails_by_command(*words, "--np", "1", "--fault_tolerance.on_bad_row", "fail")
    resume(folder)


def test_the_command_is_short_where_the_job_was_started_and_whole_elsewhere(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_by_command("--config", "recipe.json")
    assert capsys.readouterr().err.splitlines()[-1].endswith("  dj-process --config recipe.json --job_id j")
    for place, words in ((folder, ""), (folder.parent, f"-C '{folder}' ")):
        monkeypatch.chdir(place)
        jobs.main(["show", "j", "--work_dir", str(folder / "out")])
        assert f"  dj-process {words}--config recipe.json --job_id j\n" in capsys.readouterr().out


def test_dead_letters_are_run_again_from_another_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "rows.jsonl").write_text('{"text": "a"}\n' * 200 + '{"text": 1}\n')
    words = ["--config", "recipe.json", "--job_id", "j", "--fault_tolerance.on_bad_row", "quarantine"]
    assert process.main(words) == 0
    monkeypatch.chdir(folder.parent)
    assert jobs.main(["retry-dead-letters", "j", "--work_dir", "a folder/out"]) == 0
    assert (folder / "out" / "j.retry1" / "job_summary.json").exists()
    assert (folder / "out" / "result.retried.jsonl").exists()
    assert Path.cwd() == folder.parent


def test_a_folder_that_is_gone_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert process.main(["-C", "missing", "--config", "recipe.json"]) == 2
    assert capsys.readouterr().err == (
        "dj-process: -C missing: No such file or directory; relative paths of the job begin in this folder\n"
    )


def test_a_current_folder_that_is_gone_is_one_line(folder: Path) -> None:
    script = (
        "import os, sys; os.rmdir(os.getcwd()); from data_juicer.cli.process import main; sys.exit(main())"
    )
    (folder / "gone").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", script, "--config", "x"], cwd=folder / "gone", capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


def test_a_recorded_command_names_its_folder(folder: Path) -> None:
    fails_by_command("--config", "recipe.json")
    command = json.loads(next(folder.rglob("job_summary.json")).read_text())["resume_command"]
    assert split_command(command)[0] == str(folder)
