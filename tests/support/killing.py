"""Real drivers and workers of one job, killed at random moments.

A seed says which moments; what happens at them is up to the machine.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.support.crash_recipes import CUSTOM
from tests.support.small_job import SmallJob

ROWS = 3000
WORKERS_GONE_S = 5.0
LOCAL: dict[str, Any] = {"executor_type": "local"}


@dataclass(slots=True)
class Place:
    """A folder with the input and what an undisturbed job makes of it."""

    folder: Path
    process: list[Any]
    executor: dict[str, Any]
    """Settings that name the backend."""
    expected: tuple[Any, ...] = ()
    run_s: float = 0.0

    def job(self, name: str) -> SmallJob:
        settings = {
            **self.executor,
            "np": 2,
            "partition": {"size": 100},
            "custom_operator_paths": [CUSTOM],
            "fault_tolerance": {"max_retries": 50, "retry_backoff": "fixed"},
        }
        return SmallJob(self.folder, self.process, settings, name)

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """The driver of a job, as the command line starts it."""
        return self.job(name).start()

    def check(self, name: str) -> None:
        """The job is done, and nothing shows that it was disturbed."""
        assert self.job(name).outcome() == self.expected
        numbers = self.job(name).event_numbers()
        assert numbers == list(range(1, len(numbers) + 1))


def make_place(folder: Path, process: list[Any], executor: dict[str, Any], rows: int = ROWS) -> Place:
    """A place with an undisturbed run."""
    (folder / "in.jsonl").write_bytes(_input(rows))
    place = Place(folder, process, executor)
    started_s = time.monotonic()
    assert place.start("undisturbed").wait(timeout=120) == 0
    place.run_s = time.monotonic() - started_s
    place.expected = place.job("undisturbed").outcome()
    assert {operator for operator, _, _ in place.expected[2]} == {"read", "poisoned_mapper"}
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
        assert driver.returncode == 0, place.job(f"drivers_{seed}_{name}").reported
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
        assert driver.returncode == 0, place.job(job).reported
        place.check(job)
        name += 1
    print("jobs:", name)
