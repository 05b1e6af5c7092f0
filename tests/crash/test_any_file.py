"""Any single file or folder of a job is damaged in any way: the result is right, or the job says what to do, in one line."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data_juicer.cli import process
from data_juicer.cli.running import Screen
from data_juicer.testing import poison

ROWS = [json.dumps({"text": f"row  {n % 17} http://x.example/{n} words", "n": n}) for n in range(30)]
ROWS[4], ROWS[12] = "{not json", json.dumps({"text": "!raise"})
PROCESS: list[Any] = ["clean_links_mapper", "poison_mapper", {"text_length_filter": {"min_len": 8}}]
INPUTS = ("in.jsonl", "recipe.json")
EXPORTS = ("out/out.jsonl", "out/out_stats.jsonl")


def flip(path: str) -> None:
    data = bytearray(Path(path).read_bytes())
    if data:
        data[len(data) // 2] ^= 1
        Path(path).write_bytes(bytes(data))


def flip_and_hide(path: str) -> None:
    """The time of the last change stays."""
    status = os.stat(path)
    flip(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def cut(path: str) -> None:
    os.truncate(path, os.path.getsize(path) // 2)


def swap(path: str) -> None:
    """With the file of another partition."""
    if match := re.search(r"_00000(\d)", path):
        other = path.replace(match[0], f"_00000{(int(match[1]) + 1) % 3}")
        if os.path.exists(other):
            for source, target in ((path, f"{path}~"), (other, path), (f"{path}~", other)):
                os.rename(source, target)


def become_directory(path: str) -> None:
    os.remove(path)
    os.makedirs(f"{path}/inside")


def become_broken_link(path: str) -> None:
    os.remove(path)
    os.symlink("/nowhere/at/all", path)


def become_file(path: str) -> None:
    shutil.rmtree(path)
    Path(path).write_text("x")


OF_A_FILE: tuple[Callable[[str], object], ...] = (
    os.remove,
    cut,
    flip,
    flip_and_hide,
    lambda path: os.truncate(path, 0),
    lambda path: Path(path).write_bytes(b"\xff\0[[[{" * 50),
    swap,
    become_directory,
    become_broken_link,
)
OF_A_FOLDER: tuple[Callable[[str], object], ...] = (shutil.rmtree, become_file)


class Job:
    def __init__(self, home: Path, process_: list[Any]) -> None:
        self.home, self.saved = home / "job", home / "saved"
        self.home.mkdir()
        self.process = process_
        (self.home / "in.jsonl").write_text("\n".join(ROWS) + "\n")

    def run(self, **settings: Any) -> int:
        recipe = {
            "dataset_path": str(self.home / "in.jsonl"),
            "export_path": str(self.home / "out" / "out.jsonl"),
            "work_dir": str(self.home / "work"),
            "process": self.process,
            "custom_operator_paths": [poison.__file__],
            "executor_type": "inline",
            "partition": {"size": 10},
            "fault_tolerance": {"max_dead_letter_ratio": 1.0, "drain_s": 0},
            "checkpoint": {"strategy": "every_op"},
            "intermediate_storage": {"retention_policy": "keep_all"},
            "open_tracer": True,
        }
        (self.home / "recipe.json").write_text(json.dumps(recipe | settings))
        return process.main(["--config", str(self.home / "recipe.json"), "--job_id", "j"])

    def results(self) -> dict[str, list[Any]]:
        """The export, and the dead letters without their attempt."""
        dead_letters = (self.home / "work" / "j" / "dead_letter").glob("partition_??????.jsonl")
        present = {
            path.name: [json.loads(line) | {"attempt": ""} for line in path.read_text().splitlines()]
            for path in dead_letters
        }
        return present | {name: (self.home / name).read_text().splitlines() for name in EXPORTS}

    def keep(self) -> None:
        shutil.copytree(self.home, self.saved)

    def restore(self) -> None:
        shutil.rmtree(self.home)
        shutil.copytree(self.saved, self.home)

    def damages(self) -> Iterator[tuple[str, Callable[[str], object]]]:
        """Every path below the job's directory, with everything that can be done to it."""
        for folder, folders, files in os.walk(self.saved):
            for name in sorted(files):
                path = os.path.relpath(os.path.join(folder, name), self.saved)
                yield from ((path, damage) for damage in OF_A_FILE if path not in INPUTS)
            for name in sorted(folders):
                path = os.path.relpath(os.path.join(folder, name), self.saved)
                yield from ((path, damage) for damage in OF_A_FOLDER)


def stop_after(event: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is asked to stop at the `count`-th event of this type."""
    import signal

    listen, left = Screen.event_recorded, [count]

    def counting(screen: Screen, record: Any) -> None:
        listen(screen, record)
        left[0] -= type(record.event).__struct_config__.tag == event
        if left[0] == 0:
            left[0] = -1
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Screen, "event_recorded", counting)


STATES = (None, ("PARTITION_COMPLETE", 2), ("CHECKPOINT_SAVE", 5))
"""Of a job: complete, or stopped by a signal after so many of these events."""


@pytest.mark.parametrize("every", [19, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "all"])
@pytest.mark.parametrize("stopped", STATES, ids=str)
@pytest.mark.parametrize(
    "process_", [PROCESS, [*PROCESS, "document_deduplicator"]], ids=["partition-local", "dataset-wide"]
)
def test_a_damaged_file_of_a_job_costs_work_and_no_row(
    tmp_path: Path,
    process_: list[Any],
    stopped: tuple[str, int] | None,
    every: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = Job(tmp_path, process_)
    assert job.run() == 0
    expected = job.results()
    if stopped:
        shutil.rmtree(job.home / "work")
        shutil.rmtree(job.home / "out")
        with monkeypatch.context() as patch:
            stop_after(*stopped, patch)
            assert job.run() == 143
    job.keep()
    stops = 0
    for path, damage in itertools.islice(job.damages(), 0, None, every):
        job.restore()
        damage(str(job.home / path))
        capsys.readouterr()
        case = f"{getattr(damage, '__name__', damage)} {path}"
        if job.run() == 0:
            assert job.results() == expected, case
        else:
            stops += 1
            reported = [
                line for line in capsys.readouterr().err.splitlines() if re.match("failed|dj-process:", line)
            ]
            assert len(reported) == 1, (case, reported)
            if path in EXPORTS and damage is become_directory:
                assert reported[0].endswith("Nothing was changed; export to another file."), (case, reported)
                continue
            assert "safe" in reported[0], (case, reported)
            assert re.search(r"start the job again: mv \S+ \S+$", reported[0]), (case, reported)
    assert stops < 60, "the rest is mended without asking anybody"
