"""Real drivers and workers of one job, killed at random moments.

A seed says which moments; what happens at them is up to the machine.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from data_juicer.config.schema import JobConfig
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs
from tests.support.crash_recipes import CUSTOM

STORE = PosixStore()
ROWS = 3000
WORKERS_GONE_S = 5.0
LOCAL: dict[str, Any] = {"executor_type": "local"}
DRIVE = "import sys; from data_juicer.cli.process import main; sys.exit(main())"


@dataclass(slots=True)
class Place:
    """A folder with the input and what an undisturbed job makes of it."""

    folder: Path
    process: list[Any]
    executor: dict[str, Any]
    """Settings that name the backend."""
    expected: dict[str, bytes] = field(default_factory=dict)
    expected_ledgers: object = None
    expected_dead: list[tuple[str, int, str | None]] = field(default_factory=list)
    run_s: float = 0.0

    def config(self, name: str) -> JobConfig:
        settings = {
            **self.executor,
            "np": 2,
            "partition.size": 100,
            "custom_operator_paths": [CUSTOM],
            "fault_tolerance.max_retries": 50,
            "fault_tolerance.retry_backoff": "fixed",
        }
        return jobs.recipe(str(self.folder / name), [str(self.folder / "in.jsonl")], self.process, settings)

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """The driver of a job, as the command line starts it."""
        config = self.config(name)
        recipe = self.folder / f"{name}.yaml"
        recipe.write_text(
            json.dumps(
                {
                    "dataset_path": list(config.dataset_path),
                    "export_path": config.export_path,
                    "work_dir": config.work_dir,
                    "np": config.np,
                    **self.executor,
                    "partition": {"size": config.partition.size},
                    "fault_tolerance": {"max_retries": 50, "retry_backoff": "fixed"},
                    "custom_operator_paths": [CUSTOM],
                    "process": self.process,
                }
            )
        )
        words = ["--config", str(recipe), "--job_id", jobs.JOB_ID]
        with open(self.folder / f"{name}.out", "ab") as out:
            return subprocess.Popen([sys.executable, "-c", DRIVE, *words], stdout=out, stderr=out)

    def check(self, name: str) -> None:
        """The job is done, and nothing shows that it was disturbed."""
        config = self.config(name)
        assert jobs.exported(config, STORE) == self.expected
        assert jobs.ledgers(config, STORE) == self.expected_ledgers
        assert jobs.dead_letters(config, STORE) == self.expected_dead
        numbers = [record.seq for record in jobs.logged(config, STORE)]
        assert numbers == list(range(1, len(numbers) + 1))


def make_place(folder: Path, process: list[Any], executor: dict[str, Any], rows: int = ROWS) -> Place:
    """A place with an undisturbed run."""
    (folder / "in.jsonl").write_bytes(_input(rows))
    place = Place(folder, process, executor)
    started_s = time.monotonic()
    assert place.start("undisturbed").wait(timeout=120) == 0
    place.run_s = time.monotonic() - started_s
    config = place.config("undisturbed")
    place.expected = jobs.exported(config, STORE)
    place.expected_ledgers = jobs.ledgers(config, STORE)
    place.expected_dead = jobs.dead_letters(config, STORE)
    assert {operator for operator, _, _ in place.expected_dead} == {"read", "poisoned_mapper"}
    return place


def _input(count: int) -> bytes:
    draw = random.Random("input of the kill test")
    words = ["  spaces ", "http://a.example/b", "schÃ¶n", "plain", "words", "and\ttabs", "more", "—"]
    lines = []
    for number in range(count):
        text = " ".join(draw.choices(words, k=draw.randint(1, 60)))
        if number % 500 == 123:
            text += " poison"
        lines.append(json.dumps({"text": text, "n": number, "f": 1.0}))
        if number % 700 == 77:
            lines.append("{malformed")
    return "\n".join(lines).encode()


def _workers(driver: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        return psutil.Process(driver.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _live(processes: list[psutil.Process]) -> list[psutil.Process]:
    def is_live(process: psutil.Process) -> bool:
        try:
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    return [process for process in processes if is_live(process)]


def _check_gone(workers: list[psutil.Process]) -> None:
    deadline_s = time.monotonic() + WORKERS_GONE_S
    while _live(workers) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert _live(workers) == [], "workers outlive their driver"


def kill_drivers(place: Place, kills: int, seed: int) -> None:
    """Kill driver after driver, each going on with the job of the one before; a job that is done is checked."""
    print(f"seed {seed}, {kills} drivers to kill, undisturbed {place.run_s:.1f} s")
    draw, killed, name, chains = random.Random(seed), 0, 0, [0]
    while True:
        driver = place.start(f"drivers_{seed}_{name}")
        try:
            if killed == kills:
                assert driver.wait(timeout=120) == 0
            else:
                driver.wait(timeout=draw.uniform(0.1, 1.0) * place.run_s)
        except subprocess.TimeoutExpired:
            workers = _workers(driver)
            driver.kill()
            driver.wait()
            killed += 1
            chains[-1] += 1
            _check_gone(workers)
            continue
        assert driver.returncode == 0, (place.folder / f"drivers_{seed}_{name}.out").read_text()
        place.check(f"drivers_{seed}_{name}")
        if killed == kills:
            break
        name += 1
        chains.append(0)
    print("kills survived by each job:", chains)


def kill_workers(place: Place, kills: int, seed: int) -> None:
    """Kill a worker now and then; the driver goes on with another one."""
    print(f"seed {seed}, {kills} workers to kill")
    draw, killed, name = random.Random(seed), 0, 0
    while killed < kills:
        job = f"workers_{seed}_{name}"
        driver, killed_here = place.start(job), 0
        while driver.poll() is None:
            try:
                driver.wait(timeout=draw.uniform(0.1, 0.5) * place.run_s)
            except subprocess.TimeoutExpired:
                workers = _live(_workers(driver))
                if workers and killed_here < 4 and killed < kills:
                    os.kill(draw.choice(workers).pid, signal.SIGKILL)
                    killed, killed_here = killed + 1, killed_here + 1
        assert driver.returncode == 0, (place.folder / f"{job}.out").read_text()
        place.check(job)
        name += 1
    print("jobs:", name)
