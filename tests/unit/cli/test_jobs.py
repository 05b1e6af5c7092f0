import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data_juicer.cli import jobs
from data_juicer.events import payloads
from data_juicer.events import types as t
from data_juicer.events.log import EventLog
from data_juicer.job import summary as summaries
from data_juicer.job.layout import JobLayout
from data_juicer.job.lock import Driver, acquire
from data_juicer.job.summary import JobCounts, JobStatus, JobSummary, RunRecord
from data_juicer.storage.posix import PosixStore
from data_juicer.store.ledger import OperatorLedger
from data_juicer.testing.clock import ManualClock

STORE = PosixStore()
RESUME = "dj-process --config r.yaml --job_id first"


def make_job(
    work_dir: Path, job_id: str, status: JobStatus, created: str = "2026-03-13T18:09:11.000000Z"
) -> JobLayout:
    layout = JobLayout.of(str(work_dir), job_id)
    STORE.make_dirs(layout.job_dir)
    summary = JobSummary(
        job_id=job_id,
        status=status,
        created=created,
        updated=created,
        config={"np": 2},
        config_digest="ab",
        resume_command=RESUME,
        runs=(RunRecord(number=1, started=created, host="h", pid=7, resume_command=RESUME),),
        counts=JobCounts(partitions=10, partitions_done=4, rows=1000, rows_done=400, rows_out=390),
        directories=layout.directories(),
        versions={},
    )
    summaries.write(STORE, layout, summary)
    return layout


def log_some(layout: JobLayout, **more: Any) -> None:
    log = EventLog(STORE, layout, ManualClock(), 1)
    operators = (OperatorLedger(index=0, name="clean_links_mapper", rows_in=400, rows_out=400),)
    log.record(
        t.ProcessingStart(
            data=payloads.Plan(
                host="h",
                pid=7,
                backend="local",
                workers=2,
                partitions=10,
                partitions_done=4,
                rows=1000,
                rows_done=400,
                rows_out=390,
                operators=operators,
                **more,
            )
        )
    )
    log.close()


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = jobs.main(argv)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_jobs_are_listed_the_newest_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_job(tmp_path, "first", JobStatus.COMPLETED, "2026-03-13T18:09:11.000000Z")
    make_job(tmp_path / "recipe", "second", JobStatus.FAILED, "2026-03-14T18:09:11.000000Z")
    code, out, _ = run(capsys, "list", "--work_dir", str(tmp_path))
    assert code == 0
    shown = [line.split() for line in out.splitlines() if line[:6].strip() in {"second", "first"}]
    assert sorted(line[:2] for line in shown) == [["first", "completed"], ["second", "failed"]]
    assert f"in {tmp_path}/recipe" in out
    _, out, _ = run(capsys, "list", str(tmp_path), "--output", "json")
    assert [job["job_id"] for job in json.loads(out)["jobs"]] == ["second", "first"]


def test_jobs_are_found_however_deep_and_not_through_links_or_in_other_jobs(tmp_path, capsys) -> None:
    make_job(tmp_path / "a" / "b" / "c", "deep", JobStatus.COMPLETED)
    inner = make_job(tmp_path / "a", "outer", JobStatus.COMPLETED)
    make_job(Path(inner.job_dir), "copied", JobStatus.COMPLETED)
    (tmp_path / "loop").symlink_to(tmp_path)
    _, out, _ = run(capsys, "list", str(tmp_path), "--output", "json")
    assert sorted(job["job_id"] for job in json.loads(out)["jobs"]) == ["deep", "outer"]


def test_a_job_is_named_by_its_path_wherever_one_stands(tmp_path, capsys, monkeypatch) -> None:
    layout = make_job(tmp_path / "a" / "b", "mine", JobStatus.FAILED)
    for name in (layout.job_dir, f"{layout.job_dir}/"):
        assert run(capsys, "show", name)[1].startswith("failed")
    monkeypatch.chdir(layout.job_dir)
    assert run(capsys, "show", ".")[1].startswith("failed")
    code, _, err = run(capsys, "show", str(tmp_path))
    assert code == 2
    assert "no folder of a job" in err
    assert err.count("\n") == 1


def test_without_a_folder_jobs_are_looked_for_in_outputs_or_where_one_stands(
    tmp_path, capsys, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_job(tmp_path / "results", "here", JobStatus.COMPLETED)
    assert "here" in run(capsys, "list")[1]
    make_job(tmp_path / "outputs", "default", JobStatus.COMPLETED)
    listed = run(capsys, "list")[1]
    assert "default" in listed
    assert "here" not in listed


def test_a_list_keeps_eighty_columns_with_long_names(tmp_path, capsys, monkeypatch) -> None:
    long = "20260313_180911_" + "a_recipe_with_a_long_name_" * 2 + "ab12cd"
    make_job(tmp_path, long, JobStatus.COMPLETED)
    log_some(make_job(tmp_path, "short", JobStatus.RUNNING))
    monkeypatch.setenv("COLUMNS", "80")
    lines = run(capsys, "list", str(tmp_path))[1].splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[lines.index(long) + 1].split()[:2] == ["completed", "1,000"]
    monkeypatch.setenv("COLUMNS", "200")
    assert len(run(capsys, "list", str(tmp_path))[1].splitlines()) == 4


def test_the_size_of_a_job_is_that_of_its_files_without_what_links_lead_to(tmp_path, capsys) -> None:
    layout = make_job(tmp_path / "jobs", "first", JobStatus.COMPLETED)
    (tmp_path / "elsewhere").write_bytes(b"x" * 5000)
    (Path(layout.job_dir) / "link").symlink_to(tmp_path / "elsewhere")
    before = json.loads(run(capsys, "list", str(tmp_path), "--output", "json")[1])["jobs"][0]["size_bytes"]
    STORE.make_dirs(layout.results_dir)
    STORE.write(f"{layout.results_dir}/a", b"x" * 1000)
    after = json.loads(run(capsys, "list", str(tmp_path), "--output", "json")[1])["jobs"][0]["size_bytes"]
    assert after - before == 1000
    assert before < 5000


@pytest.mark.parametrize("status", [JobStatus.RUNNING, JobStatus.FAILED, JobStatus.STOPPED])
def test_list_and_show_say_the_same_share_of_a_job_that_is_not_complete(tmp_path, capsys, status) -> None:
    log_some(make_job(tmp_path, "first", status), size_bytes=1000, passed_bytes=(300,))
    assert " 30%" in run(capsys, "list", str(tmp_path))[1]
    assert " 30%, 4 of 10 partitions" in run(capsys, "show", "first", "--work_dir", str(tmp_path))[1]


def test_a_job_that_was_killed_shows_how_far_it_was_in_list_and_show_alike(tmp_path, capsys) -> None:
    log_some(make_job(tmp_path, "first", JobStatus.RUNNING))
    assert "interrupted 40%" in run(capsys, "list", str(tmp_path))[1]
    assert (
        "progress     40%, 4 of 10 partitions" in run(capsys, "show", "first", "--work_dir", str(tmp_path))[1]
    )


def test_a_list_for_programs_is_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_job(tmp_path, "first", JobStatus.COMPLETED)
    _, out, _ = run(capsys, "list", "--work_dir", str(tmp_path), "--output", "json")
    (entry,) = json.loads(out)["jobs"]
    assert (entry["job_id"], entry["status"], entry["counts"]["rows_done"]) == ("first", "completed", 400)


def test_an_empty_directory_has_no_jobs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "list", "--work_dir", str(tmp_path)) == (0, f"no jobs in {tmp_path}\n", "")


def test_a_missing_directory_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "list", "--work_dir", str(tmp_path / "none"))
    assert (code, out) == (2, "")
    assert err.startswith("dj-jobs: --work_dir:")
    assert err.count("\n") == 1


def test_a_damaged_summary_does_not_hide_the_other_jobs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_job(tmp_path, "first", JobStatus.COMPLETED)
    STORE.write(make_job(tmp_path, "second", JobStatus.COMPLETED).summary, b"{")
    _, out, _ = run(capsys, "list", "--work_dir", str(tmp_path))
    assert {tuple(line.split()[:2]) for line in out.splitlines()[2:]} == {
        ("first", "completed"),
        ("second", "damaged"),
    }
    code, _, _ = run(capsys, "list", "--work_dir", str(tmp_path), "--status", "damaged")
    assert code == 0


def test_a_job_is_shown_with_status_safety_resume_command_and_operators(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log_some(make_job(tmp_path, "first", JobStatus.RUNNING))
    code, out, _ = run(capsys, "show", "first", "--work_dir", str(tmp_path))
    assert code == 0
    assert "interrupted  run 1 (pid 7 on h) ended without a record: it was killed, or its machine" in out
    assert "safe" not in out, "no manifest and no mapping: nothing is known to be"
    assert f"resume       {RESUME}\n" in out
    assert out.splitlines()[-1].split() == ["clean_links_mapper", "400", "400", "0", "0.00"]


def test_a_job_with_a_living_driver_is_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.node", lambda: "h")
    layout = make_job(tmp_path, "first", JobStatus.RUNNING)
    lock = acquire(STORE, layout, ManualClock(), Driver(host="h", pid=7))
    assert run(capsys, "show", "first", "--work_dir", str(tmp_path))[1].startswith("running")
    lock.release(0)
    assert run(capsys, "show", "first", "--work_dir", str(tmp_path))[1].startswith("interrupted")


def test_a_job_for_programs_is_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log_some(make_job(tmp_path, "first", JobStatus.RUNNING))
    _, out, _ = run(capsys, "show", "first", "--work_dir", str(tmp_path), "--output", "json")
    report = json.loads(out)
    assert (report["status"], report["resume_command"]) == ("interrupted", RESUME)
    assert report["operators"][0]["rows_in"] == 400


def test_an_unknown_job_is_answered_with_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_job(tmp_path, "first", JobStatus.COMPLETED)
    code, out, err = run(capsys, "show", "frist", "--work_dir", str(tmp_path))
    assert (code, out) == (2, "")
    assert err == f"dj-jobs: frist: no such job among 1 in {tmp_path}. Did you mean first?\n"


def test_a_name_that_two_directories_have_asks_which(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_job(tmp_path / "a", "first", JobStatus.COMPLETED)
    make_job(tmp_path / "b", "first", JobStatus.COMPLETED)
    code, _, err = run(capsys, "show", "first", "--work_dir", str(tmp_path))
    assert code == 2
    assert f"{tmp_path}/a and {tmp_path}/b" in err


def test_a_damaged_summary_is_one_line_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    STORE.write(make_job(tmp_path, "first", JobStatus.COMPLETED).summary, b"{")
    code, out, err = run(capsys, "show", "first", "--work_dir", str(tmp_path))
    assert (code, out) == (1, "")
    assert "damaged" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("argv", [[], ["lits"], ["show"], ["list", "--output", "xml"]])
def test_wrong_usage_is_one_line_and_exit_code_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *argv)
    assert (code, out) == (2, "")
    assert err.startswith("dj-jobs: command line")
    assert err.count("\n") == 1


def test_a_reader_that_has_seen_enough_gets_no_traceback(tmp_path: Path) -> None:
    make_job(tmp_path, "first", JobStatus.COMPLETED)
    program = "import sys; from data_juicer.cli.jobs import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "list", "--work_dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_a_terminal_that_knows_ascii_only_gets_no_traceback(tmp_path: Path) -> None:
    make_job(tmp_path, "first", JobStatus.COMPLETED)
    program = "import sys; from data_juicer.cli.jobs import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "list", "--work_dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, b"")


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from data_juicer.cli import jobs; "
        "heavy = {'rich', 'loguru', 'pyarrow', 'numpy', 'polars', 'yaml', 'jsonargparse'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"[]\n"
