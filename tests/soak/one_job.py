"""One job, and two hundred things that go wrong with it."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from data_juicer.job.lock import RunClaim, newest_run
from data_juicer.testing import jobs
from tests.soak import mapper
from tests.soak.driver import FROM_THEN_ON, ONCE
from tests.support.small_job import STORE, SmallJob

ROWS_OF_A_PARTITION: Final = 8
PROCESS: Final[list[Any]] = [
    "clean_links_mapper",
    "whitespace_normalization_mapper",
    "soak_mapper",
    {"text_length_filter": {"min_len": 14}},
]
CHANGES: Final = (1, 70)
"""Of the disk, after which a run is disturbed; about thirty make a partition."""
CHANGES_AHEAD: Final = (1, 20)
"""The same for a job that is further than its faults: a run that has hardly begun."""
CHANGES_TO_KILL: Final = 30
ORDERS: Final = ("worker killed", "worker crashes", "worker exits", "worker's disk full")
ENDS: Final = frozenset({1, 2, 3, 130, 143, -9, -11})
"""Exit codes of a run that was disturbed."""


def flipped(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data) or 1)
    return (
        data[:place]
        + bytes(byte ^ 1 << rng.randrange(8) for byte in data[place : place + 1])
        + data[place + 1 :]
    )


DAMAGES: Final[dict[str, Callable[[bytes, random.Random], bytes]]] = {
    "bit flipped": flipped,
    "file cut": lambda data, rng: data[: rng.randrange(len(data) or 1)],
    "file emptied": lambda _data, _rng: b"",
}


@dataclass
class Soak:
    """A job of so many partitions; every run of it is a process of its own, inline or with two workers."""

    home: Path
    rng: random.Random
    partitions: int
    faults_wanted: int
    faults: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        rows = self.partitions * ROWS_OF_A_PARTITION
        lines = [
            json.dumps(
                {"text": f"row  {number} {'word  ' * (number % 9)}http://x.example/{number}", "n": number}
            )
            for number in range(rows)
        ]
        for number in self.rng.sample(range(rows), min(12, rows // 8)):
            lines[number] = self.rng.choice(['{"text": "! this row, please"}', '{"text": 7}', "{not json"])
        self.job("work").write(lines)
        self.layout = self.job("work").layout

    # ---- its runs

    def job(self, name: str, backend: str = "inline") -> SmallJob:
        settings = {
            "custom_operator_paths": [mapper.__file__],
            "executor_type": backend,
            "np": 2,
            "partition": {"size": ROWS_OF_A_PARTITION},
            "checkpoint": {"strategy": "every_op"},
            "fault_tolerance": {"drain_s": 0.2, "retry_backoff": "fixed", "max_dead_letter_ratio": 0.5},
        }
        return SmallJob(self.home, PROCESS, settings, name)

    def run(self, name: str, backend: str = "inline", *disturbed: object) -> int:
        """One run; its exit code. Whatever is done to it, it must not end in a traceback."""
        path = self.job(name, backend).write_recipe()
        driver = Path(__file__).parent / "driver.py"
        done = subprocess.run(
            [sys.executable, str(driver), str(path), *map(str, disturbed)],
            env={**os.environ, "SOAK_ORDERS": str(self.home / "orders")},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode

    def outcome(self, name: str) -> tuple[object, ...]:
        return self.job(name).outcome()

    def rows_of(self, name: str) -> int:
        """Rows that are exported."""
        return sum(data.count(b"\n") for data in jobs.exported(self.job(name).config(), STORE).values())

    # ---- what is done to it

    def disturb(self) -> None:
        """Some damage while nobody works on it, then a run that something happens to."""
        for _ in range(self.rng.randrange(3)):
            self._damage()
        if self.rng.random() < 0.4:
            self._note(order := self.rng.choice(ORDERS))
            (self.home / "orders").write_text(order)
        backend, fault = self.rng.choice(["inline", "local"]), self.rng.choice([*ONCE, *FROM_THEN_ON])
        at = self.rng.randrange(*(CHANGES_AHEAD if self._is_ahead() else CHANGES))
        self._note(f"{fault}, {backend}, change {at}")
        code = self.run("work", backend, fault, at, at + CHANGES_TO_KILL)
        assert code in ENDS, f"exit {code} after {self.faults[-4:]}; 0: the job has too few partitions"
        self.codes.append(code)
        (self.home / "orders").unlink(missing_ok=True)

    def _is_ahead(self) -> bool:
        done = sum(name.count(".") == 1 for name in STORE.list(self.layout.results_dir))
        return done * self.faults_wanted > len(self.faults) * self.partitions * 0.9

    def _note(self, fault: str) -> None:
        self.faults.append(fault)

    def _damage(self) -> None:
        files = [
            os.path.join(folder, name)
            for folder, _, names in os.walk(self.layout.job_dir)
            for name in names
            if "set_aside" not in folder
        ]
        if not files:
            return
        rows = [path for path in files if "/results/" in path and path.endswith(".jsonl")]
        path = self.rng.choice(sorted(rows if rows and self.rng.random() < 0.4 else files))
        kind = self.rng.choice([*DAMAGES, *DAMAGES, *OTHER_DAMAGES])
        self._note(f"{kind}: {os.path.relpath(path, self.layout.job_dir)}")
        if kind in DAMAGES:
            STORE.write(path, DAMAGES[kind](STORE.read(path), self.rng))
        else:
            OTHER_DAMAGES[kind](self, path)

    def _swap(self, path: str) -> None:
        folder = os.path.dirname(path)
        other = os.path.join(folder, self.rng.choice(STORE.list(folder)))
        if os.path.isfile(other):
            data = STORE.read(path)
            STORE.write(path, STORE.read(other))
            STORE.write(other, data)

    def _leave_lock(self, _path: str) -> None:
        """A claim of a driver on another machine that was not heard of since."""
        long_ago = "2026-01-01T00:00:00.000000Z"
        run = newest_run(STORE, self.layout) + 1
        claim = RunClaim(run=run, host="elsewhere", pid=1, since=long_ago, renewed=long_ago)
        STORE.write(self.layout.run_claim(run), msgspec.json.encode(claim))


OTHER_DAMAGES: Final[dict[str, Callable[[Soak, str], None]]] = {
    "file removed": lambda _soak, path: STORE.remove(path),
    "files swapped": Soak._swap,
    "litter left": lambda _soak, path: STORE.write(f"{path}.1.aside", STORE.read(path)),
    "log removed": lambda soak, _path: shutil.rmtree(soak.layout.event_logs_dir, ignore_errors=True),
    "lock left": Soak._leave_lock,
}
