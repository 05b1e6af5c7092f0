"""Two hundred random failures over one job, with resumes between them: no row is lost, doubled or changed."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from data_juicer import api
from data_juicer.errors import DataJuicerError
from data_juicer.job.layout import JobLayout
from data_juicer.store.disk_errors import told as _told
from data_juicer.store.filesystem import LocalFileSystem
from data_juicer.testing import poison
from data_juicer.testing.jobs import JOB_ID

FS = LocalFileSystem()
FAULTS = 200
ROWS = 2000
PROCESS: list[Any] = [
    "clean_links_mapper",
    "whitespace_normalization_mapper",
    {"text_length_filter": {"min_len": 12}},
    "poison_mapper",
]


class FailingFileSystem(LocalFileSystem):
    """The local one, on which the k-th change of the disk from now fails; 0: none does."""

    def __init__(self) -> None:
        self.fails_in = 0

    def _count(self, path: str) -> None:
        self.fails_in -= 1
        if self.fails_in == 0:
            with _told("writing", path, 1):
                raise OSError(28, "No space left on device")

    def write(self, path: str, data: Any) -> None:
        self._count(path)
        super().write(path, data)

    def append(self, path: str, data: Any) -> None:
        self._count(path)
        super().append(path, data)

    def link(self, source: str, target: str) -> bool:
        self._count(target)
        return super().link(source, target)

    def replace(self, source: str, target: str) -> None:
        self._count(target)
        super().replace(source, target)


class Soak:
    """One job, and what is done to it."""

    def __init__(self, home: Path, seed: int) -> None:
        self.home = home
        self.rng = random.Random(seed)
        self.fs = FailingFileSystem()
        self.stop_after = 0
        self.layout = JobLayout.of(str(home / "work"), JOB_ID)
        texts = [f"row  {number} see http://x.example/{number}" for number in range(ROWS)]
        for line in self.rng.sample(range(ROWS), 10):
            texts[line] = "!raise this row, please"
        (home / "in.jsonl").write_text(
            "".join(json.dumps({"text": text, "n": n}) + "\n" for n, text in enumerate(texts))
        )

    def recipe(self, name: str) -> dict[str, Any]:
        return {
            "dataset_path": str(self.home / "in.jsonl"),
            "export_path": str(self.home / name / "out.jsonl"),
            "work_dir": str(self.home / name),
            "job_id": JOB_ID,
            "process": PROCESS,
            "custom_operator_paths": [poison.__file__],
            "executor_type": "inline",
            "partition": {"size": 40},
            "fault_tolerance": {"drain_s": 0},
        }

    def run(self) -> bool:
        """One run; whether the job is complete."""
        from data_juicer.backends.inline import InlineBackend
        from data_juicer.clock import SystemClock
        from data_juicer.config.config import load_recipe
        from data_juicer.run.job import run_job
        from data_juicer.run.surroundings import Surroundings

        clock = SystemClock()
        asked = iter(range(self.stop_after)) if self.stop_after else None

        def stop_asked() -> int | None:
            return 15 if asked is not None and next(asked, None) is None else None

        around = Surroundings(
            fs=self.fs, clock=clock, backend=InlineBackend(self.fs, clock), stop_asked=stop_asked
        )
        try:
            run_job(load_recipe(self.recipe("work"), {}, {}), around)
        except DataJuicerError:
            return False
        return True

    def strike(self) -> str:
        """One failure, to come in the next run or done to what lies on disk now."""
        self.fs.fails_in = self.stop_after = 0
        kind = self.rng.choice(["disk", "disk", "stop", "flip", "cut", "remove", "log", "export", "aside"])
        match kind:
            case "disk":
                self.fs.fails_in = self.rng.randrange(1, 120)
            case "stop":
                self.stop_after = self.rng.randrange(1, 100)
            case "log":
                shutil.rmtree(self.layout.event_logs_dir, ignore_errors=True)
                self.stop_after = self.rng.randrange(1, 100)
            case "export":
                (self.home / "work" / "out.jsonl").unlink(missing_ok=True)
            case _:
                self._damage(kind)
                self.stop_after = self.rng.randrange(1, 100)
        return kind

    def _damage(self, kind: str) -> None:
        directory = self.rng.choice([self.layout.results_dir, self.layout.checkpoints_dir])
        names = [name for name in FS.list(directory) if os.path.isfile(os.path.join(directory, name))]
        if not names:
            return
        path = os.path.join(directory, self.rng.choice(names))
        data = bytearray(FS.read(path))
        if kind == "remove":
            FS.remove(path)
        elif kind == "cut":
            FS.write(path, bytes(data[: len(data) // 2]))
        elif kind == "flip" and data:
            data[self.rng.randrange(len(data))] ^= 1 << self.rng.randrange(8)
            FS.write(path, bytes(data))
        else:
            FS.write(f"{path}.1.aside", bytes(data))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hundred_random_failures_change_no_row(tmp_path: Path) -> None:
    seed = int(os.environ.get("SOAK_SEED", "20261123"))
    print(f"SOAK_SEED={seed}")
    soak = Soak(tmp_path, seed)
    api.run(soak.recipe("undisturbed"))
    expected = (tmp_path / "undisturbed" / "out.jsonl").read_bytes()
    done, jobs_done = [], 0
    for number in range(FAULTS):
        done.append(soak.strike())
        if soak.run() and soak.rng.random() < 0.5:
            assert (tmp_path / "work" / "out.jsonl").read_bytes() == expected, f"after {number}: {done[-5:]}"
            jobs_done += 1
            shutil.rmtree(tmp_path / "work")
    soak.fs.fails_in = soak.stop_after = 0
    assert soak.run()
    assert (tmp_path / "work" / "out.jsonl").read_bytes() == expected
    print(f"{FAULTS} failures, {jobs_done + 1} jobs came through")
