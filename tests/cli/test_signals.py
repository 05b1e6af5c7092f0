"""Real processes; each step waits for the one before it, never for time."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

OPERATOR = """\
from data_juicer.ops.base_op import OPERATORS, Mapper


@OPERATORS.register_module("gated_test_mapper")
class GatedTestMapper(Mapper):
    def process_single(self, sample):
        if sample["id"] == 15:
            with open("gate") as gate:  # opens when the test writes
                gate.read()
        sample["text"] = sample["text"].upper()
        return sample
"""
RECIPE = """\
dataset_path: rows.jsonl
export_path: out/result.jsonl
custom_operator_paths: gated.py
np: 1
partition: {size: 10}
process: [clean_links_mapper, gated_test_mapper]
"""
COMMAND = [sys.executable, "-m", "data_juicer", "--config", "recipe.yaml", "--job_id", "gated"]


@pytest.fixture
def gated_job(tmp_path: Path) -> Path:
    """A job of fifty rows whose second partition waits for somebody to write to `gate`."""
    rows = [json.dumps({"id": number, "text": f"row {number}"}) for number in range(50)]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows) + "\n")
    (tmp_path / "gated.py").write_text(OPERATOR)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    os.mkfifo(tmp_path / "gate")
    return tmp_path


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(COMMAND, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


@contextmanager
def worker_at_the_gate(driver: subprocess.Popen[str], folder: Path) -> Iterator[None]:
    """A worker waits at the gate until this ends; a driver that ends before it came there does not block for ever."""

    def let_go() -> None:
        driver.wait()
        os.open(folder / "gate", os.O_RDONLY | os.O_NONBLOCK)  # stays open, whoever comes first

    threading.Thread(target=let_go, daemon=True).start()
    with (folder / "gate").open("w"):
        assert driver.poll() is None, driver.stderr and driver.stderr.read()
        yield


def wait_for(driver: subprocess.Popen[str], word: str) -> None:
    assert driver.stderr is not None
    for line in driver.stderr:
        if word in line:
            return
    pytest.fail(f"it ended without a word of {word!r}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_finishes_what_is_in_work_and_a_resume_does_the_rest(
    gated_job: Path, number: int
) -> None:
    with start(gated_job) as driver:
        with worker_at_the_gate(driver, gated_job):
            driver.send_signal(number)
            wait_for(driver, "stopping")
        assert driver.stderr is not None
        reported = driver.stderr.read()
    assert driver.returncode == 128 + number
    assert re.search(rf"^stopped +by {signal.Signals(number).name}\.", reported, re.MULTILINE)
    assert "dj-process --config recipe.yaml --job_id gated" in reported
    done = sorted(path.name for path in (gated_job / "out" / "gated" / "results").glob("partition_*.json"))
    assert done[:2] == ["partition_000000.json", "partition_000001.json"]
    assert len(done) < 5

    subprocess.run(COMMAND, cwd=gated_job, check=True, capture_output=True)
    rows = [json.loads(line) for line in (gated_job / "out" / "result.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == [f"ROW {number}" for number in range(50)]


def test_the_second_signal_leaves_at_once_with_the_resume_command(gated_job: Path) -> None:
    with start(gated_job) as driver, worker_at_the_gate(driver, gated_job):
        driver.send_signal(signal.SIGINT)
        wait_for(driver, "stopping")
        driver.send_signal(signal.SIGINT)
        assert driver.stderr is not None
        reported = driver.stderr.read()
    assert driver.returncode == 130
    assert "exited at once; what was committed is safe" in reported
    assert "dj-process --config recipe.yaml --job_id gated" in reported


@pytest.mark.timeout(60)
def test_a_job_that_fails_before_it_begins_does_not_block_these_tests(gated_job: Path) -> None:
    (gated_job / "gated.py").write_text("raise ValueError('broken')")
    with (
        start(gated_job) as driver,
        pytest.raises((AssertionError, BrokenPipeError)),
        worker_at_the_gate(driver, gated_job),
    ):
        pass


SIGNAL_AT_IMPORT = """\
import os, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            try:
                os.kill(os.getpid(), {number})
            except Exception:  # libraries that try what they can import swallow what a handler raises
                pass

sys.meta_path.insert(0, Finder())
from data_juicer.cli.{command} import main
sys.exit(main(sys.argv[1:]))
"""


def signal_at_import(folder: Path, module: str, number: int, command: str, *words: str) -> tuple[int, str]:
    """A command that is sent a signal at the moment when it imports a module: its exit code and standard error."""
    script = SIGNAL_AT_IMPORT.format(module=module, number=int(number), command=command)
    (folder / "gate").unlink(missing_ok=True)
    (folder / "gate").write_text("open")
    done = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    "module",
    [
        "argparse",
        "data_juicer.config.config",
        "data_juicer.engine.run_job",
        "msgspec",
        "numpy",
        "pyarrow",
        "regex",
    ],
)
def test_a_signal_while_modules_load_is_one_line_and_its_exit_code(
    gated_job: Path, module: str, number: int
) -> None:
    words = ["--config", "recipe.yaml", "--executor_type", "inline"]
    code, reported = signal_at_import(gated_job, module, number, "process", *words)
    assert code == 128 + number
    assert reported.split() == (
        f"dj-process: stopped by {signal.Signals(number).name}. What was committed is safe.".split()
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_rest_loads_for_an_open_job_stops_that_job(gated_job: Path, number: int) -> None:
    words = ["--config", "recipe.yaml", "--executor_type", "inline"]
    code, reported = signal_at_import(gated_job, "data_juicer.engine.run", number, "process", *words)
    assert code == 128 + number
    assert f"stopped  by {signal.Signals(number).name}. No row was processed." in reported
    assert "Traceback" not in reported


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_modules_load_in_an_open_job_stops_it_in_order(gated_job: Path, number: int) -> None:
    words = ["--config", "recipe.yaml", "--executor_type", "inline", "--job_id", "gated"]
    code, reported = signal_at_import(gated_job, "loguru", number, "process", *words)
    assert code == 128 + number, reported
    assert "Traceback" not in reported
    assert re.search(rf"^stopped +by {signal.Signals(number).name}\.", reported, re.MULTILINE)
    summary = json.loads((gated_job / "out" / "gated" / "job_summary.json").read_text())
    assert summary["status"] == "stopped"
    subprocess.run([*COMMAND, "--executor_type", "inline"], cwd=gated_job, check=True, capture_output=True)
    assert (gated_job / "out" / "result.jsonl").read_text().count("ROW") == 50


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", ["argparse", "msgspec", "data_juicer.job.find"])
def test_dj_jobs_that_is_stopped_is_one_line_too(tmp_path: Path, module: str, number: int) -> None:
    code, reported = signal_at_import(tmp_path, module, number, "jobs", "list")
    assert code == 128 + number
    assert reported.strip().startswith("dj-jobs: stopped by ")
    assert reported.strip().count("\n") == 0


def test_a_job_that_was_reported_to_outlive_its_terminal_does(gated_job: Path) -> None:
    """SIGHUP is ignored where `nohup` said so."""
    (gated_job / "gate").unlink()
    (gated_job / "gate").write_text("open")
    script = SIGNAL_AT_IMPORT.format(module="loguru", number=int(signal.SIGHUP), command="process")
    command = [sys.executable, "-c", script, "--config", "recipe.yaml", "--executor_type", "inline"]
    done = subprocess.run(["nohup", *command], cwd=gated_job, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
