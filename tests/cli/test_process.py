import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from data_juicer.cli import process
from data_juicer.version import VERSION

HEAVY = ("numpy", "polars", "pyarrow", "rich")
RECIPE = """\
dataset_path: ten.jsonl
export_path: out/cleaned.jsonl
executor_type: inline
process:
  - clean_links_mapper
  - text_length_filter: {min_len: 10}
"""


@pytest.fixture
def ten_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with ten rows and a recipe, and the current one."""
    monkeypatch.chdir(tmp_path)
    rows = [json.dumps({"id": number, "text": f"row {number} of https://a.b/c ten"}) for number in range(10)]
    (tmp_path / "ten.jsonl").write_text("\n".join(rows) + "\n")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_recipe_runs_and_tells_where_its_result_lies(
    ten_rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert process.main(["--config", "recipe.yaml", "--job_id", "first"]) == 0
    reported = capsys.readouterr()
    result = ten_rows / "out" / "cleaned.jsonl"
    assert len(result.read_text().splitlines()) == 10
    assert "completed" in reported.out
    assert str(result) in reported.out
    assert reported.out.splitlines()[-1].endswith("dj-process --config recipe.yaml --job_id first")
    assert reported.err.startswith("job first\n")


def test_a_completed_job_says_so_and_works_on_nothing(
    ten_rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--config", "recipe.yaml", "--job_id", "first"]
    process.main(command)
    events = ten_rows / "out" / "first" / "event_logs" / "events.jsonl"
    before = events.read_bytes()
    capsys.readouterr()
    assert process.main(command) == 0
    reported = capsys.readouterr()
    assert reported.out.startswith("first is complete: 10 rows in, 10 out; nothing was left to do.\n")
    assert len(reported.out.splitlines()) == 2
    assert reported.err == ""
    assert events.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "reported"),
    [
        ([], "no recipe"),
        (["--config", "missing.yaml"], "missing.yaml"),
        (["--confg", "recipe.yaml"], "did you mean config?"),
        (["--config", "recipe.yaml", "--partition.sise", "3"], "did you mean partition.size?"),
        (["--config", "recipe.yaml", "--np", "0"], "np"),
        (["--config", "recipe.yaml", "--process", "[clean_lynks_mapper]"], "clean_links_mapper"),
        (["--config", "recipe.yaml", "--job_id", "../up"], "job_id"),
        (["--describe-op", "clean_lynks_mapper"], "did you mean 'clean_links_mapper'?"),
    ],
)
def test_a_wrong_command_is_one_line_and_leaves_nothing_behind(
    ten_rows: Path, capsys: pytest.CaptureFixture[str], words: list[str], reported: str
) -> None:
    before = names_in(ten_rows)
    assert process.main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("dj-process: ")
    assert captured.err.count("\n") == 1
    assert reported in captured.err
    assert names_in(ten_rows) == before


def test_a_missing_dataset_is_one_line_and_leaves_nothing_behind(
    ten_rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = names_in(ten_rows)
    assert process.main(["--config", "recipe.yaml", "--dataset_path", "tem.jsonl"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("dj-process: tem.jsonl: no such file or folder; did you mean ")
    assert captured.err.count("\n") == 1
    assert names_in(ten_rows) == before


def test_a_failed_job_tells_why_what_is_safe_and_how_to_resume(
    ten_rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = (ten_rows / "ten.jsonl").read_text()
    (ten_rows / "ten.jsonl").write_text(rows * 10 + "not json\n" * 5)
    assert process.main(["--config", "recipe.yaml", "--job_id", "first"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    facts = dict(line.split(maxsplit=1) for line in captured.err.splitlines() if len(line.split()) > 1)
    assert "dead letters" in facts["failed"]
    assert facts["safe"].startswith("1 of 1 partitions committed")
    assert facts["resume"] == "dj-process --config recipe.yaml --job_id first"


def test_a_bug_keeps_its_traceback_and_tells_what_is_safe(
    ten_rows: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("data_juicer.plan.resume.found.plan_job", wrong)
    with pytest.raises(ZeroDivisionError):
        process.main(["--config", "recipe.yaml", "--job_id", "first"])
    assert "dj-process --config recipe.yaml --job_id first" in capsys.readouterr().err


def test_settings_without_effect_are_reported(ten_rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert process.main(["--config", "recipe.yaml", "--job_id", "first", "--use_cache", "true"]) == 0
    assert "note: command line: use_cache: no effect here" in capsys.readouterr().err


def test_help_shows_every_section_in_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert process.main(["--help"]) == 0
    reported = capsys.readouterr().out
    assert "--checkpoint.strategy" in reported
    assert "--describe-op NAME" in reported
    assert max(map(len, reported.splitlines())) <= 80


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    program = (
        "import sys\nfrom data_juicer.cli.process import main\n"
        f"main({words})\nprint(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.split() == []


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "data_juicer", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[0] == f"data_juicer {VERSION}"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stdout:
        done = subprocess.run(
            [sys.executable, "-m", "data_juicer", "--help"],
            stdout=stdout,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.stderr == b""
    assert done.returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        ["--work_dir", "ten.jsonl/jobs"],
        ["--dataset_path", "empty"],
        ["--dataset_path", "image.png"],
        ["--export_path", "s3://bucket/x.jsonl"],
        ["--process", "[{text_length_filter: {min_len: x}}]"],
    ],
    ids=lambda words: words[0],
)
def test_what_is_found_before_anything_is_created_is_exit_code_2(
    ten_rows: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    (ten_rows / "empty").mkdir()
    (ten_rows / "image.png").write_bytes(b"\x89PNG")
    before = names_in(ten_rows)
    assert process.main(["--config", "recipe.yaml", *words]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("dj-process: ")
    assert captured.err.count("\n") == 1
    assert names_in(ten_rows) == before


def test_a_job_to_resume_must_be_there_and_a_new_one_must_not(
    ten_rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = names_in(ten_rows)
    assert process.main(["--config", "recipe.yaml", "--resume", "first"]) == 2
    assert "resume: there is no job first in " in capsys.readouterr().err
    assert names_in(ten_rows) == before
    assert process.main(["--config", "recipe.yaml", "--job_id", "first", "--new"]) == 0
    assert process.main(["--config", "recipe.yaml", "--job_id", "first", "--new"]) == 2
    assert "To go on with it: --resume first\n" in capsys.readouterr().err
    command = json.loads((ten_rows / "out" / "first" / "job_summary.json").read_text())["resume_command"]
    assert process.main(shlex.split(command)[1:]) == 0
    assert process.main(["--config", "recipe.yaml", "--resume", "first"]) == 0
    assert "first is complete" in capsys.readouterr().out


def test_parameters_of_operators_are_set_on_the_command_line(ten_rows: Path) -> None:
    assert process.main(["--config", "recipe.yaml", "--text_length_filter.min_len", "1000"]) == 0
    assert (ten_rows / "out" / "cleaned.jsonl").read_text() == ""


def reported_to(capsys: pytest.CaptureFixture[str]) -> list[str]:
    reported = capsys.readouterr()
    return [
        line.removeprefix("warning: ") for line in reported.err.splitlines() if line.startswith("warning")
    ]


def test_an_empty_result_names_the_operator_that_let_nothing_pass(
    ten_rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--config", "recipe.yaml", "--job_id", "first", "--text_length_filter.min_len", "1000"]
    assert process.main(words) == 0
    reported = (
        "the result has no rows: text_length_filter let none of the 10 rows pass that reached it (10 filtered). "
        "Look at its bounds, and at what it drops: dj-jobs dropped."
    )
    assert reported_to(capsys) == [reported]
    assert reported in (ten_rows / "out" / "first" / "event_logs" / "events.log").read_text()


def test_a_recipe_without_operators_says_so(ten_rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert process.main(["--config", "recipe.yaml", "--process", "[]"]) == 0
    assert reported_to(capsys) == ["process is empty: every row is copied as it is."]
    assert (ten_rows / "out" / "cleaned.jsonl").read_bytes() == (ten_rows / "ten.jsonl").read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ["--work_dir", "work", "--export_path", "plain/x.jsonl"],
        ["--export_path", "plain/deep/x.jsonl"],
        ["--work_dir", "plain/work"],
        ["--checkpoint_dir", "plain/checkpoints"],
        ["--work_dir", "plain/work", "--dry_run"],
        ["--export_path", "/proc/x.jsonl", "--work_dir", "work"],
    ],
    ids=" ".join,
)
def test_a_folder_that_cannot_be_written_is_found_before_the_first_row_and_nothing_is_called_committed(
    ten_rows: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    (ten_rows / "plain").touch()
    before = names_in(ten_rows)
    assert process.main(["--config", "recipe.yaml", *words]) == 2
    captured = capsys.readouterr()
    assert ". No row was processed; " in captured.err
    assert "committed" not in captured.err
    assert str(ten_rows / "plain") in captured.err or "dj-process: /proc/x.jsonl: " in captured.err
    assert captured.err.count("\n") == 1
    assert names_in(ten_rows) == before


def test_a_refusal_before_the_first_row_calls_safe_what_earlier_runs_committed(
    ten_rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--config", "recipe.yaml", "--job_id", "first", "--work_dir", "work"]
    assert process.main(words) == 0
    (ten_rows / "ten.jsonl").write_text('{"text": "another row of text"}\n')
    assert process.main([*words, "--export_path", "recipe.yaml/x.jsonl"]) == 2
    assert ". No row was processed and what was committed before is safe; " in capsys.readouterr().err


def test_the_event_log_is_named_only_where_there_is_one(
    ten_rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for enabled, lines in (("true", 1), ("false", 0)):
        words = ["--config", "recipe.yaml", "--job_id", enabled, "--event_logging.enabled", enabled]
        assert process.main(words) == 0
        assert sum(line.startswith("events ") for line in capsys.readouterr().out.splitlines()) == lines


def test_files_of_a_folder_that_are_not_read_are_counted_by_suffix(
    ten_rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (ten_rows / "data").mkdir()
    (ten_rows / "ten.jsonl").rename(ten_rows / "data" / "ten.jsonl")
    for name in ("README.md", "NOTES.md", "picture.PNG", "LICENSE"):
        (ten_rows / "data" / name).write_text("x")
    for index, (given, what) in enumerate((("data", "the folder"), ("data/*", "the pattern"))):
        words = ["--config", "recipe.yaml", "--job_id", f"job{index}", "--dataset_path", given]
        assert process.main(words) == 0
        notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note")]
        assert len(notes) == 1
        found, _, advice = notes[0].partition("); ")
        assert advice == "text beside data is read only where suffixes names it, such as [.md]"
        head, _, kinds = found.partition(" (")
        assert head == f"note: {given}: 4 files of {what} are not read"
        assert kinds.split(", ")[0] == "2 .md"
        assert sorted(kinds.split(", ")) == ["1 .png", "1 no suffix", "2 .md"]
        log = ten_rows / "out" / f"job{index}" / "event_logs" / "events.log"
        assert head.removeprefix("note: ") in log.read_text()
