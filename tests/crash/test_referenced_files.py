"""Files that rows refer to are input: what was computed from one that changed is computed again, and nothing else is."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs

PROCESS = ["latex_merge_tex_mapper", "clean_links_mapper"]


def pack(path: Path, text: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.tex", text)


class Job:
    """Three partitions of three rows, each row with an archive of its own, on a real disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for number in range(9):
            pack(folder / f"{number}.zip", f"paper {number}")
        rows = [{"compressed_file": str(folder / f"{number}.zip")} for number in range(9)]
        (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def run(self, **settings: bool) -> list[int]:
        """The partitions that were processed; the result must be that of a fresh run."""
        results, watch = [], jobs.Watch()
        for work_dir, seen in (("work", watch), (f"fresh{len(list(self.folder.iterdir()))}", None)):
            given = {"partition.size": 3, **settings}
            config = jobs.recipe(str(self.folder / work_dir), [str(self.folder / "in.jsonl")], PROCESS, given)
            jobs.run_inline(config, PosixStore(), seen)
            results.append(jobs.exported(config, PosixStore()))
        assert results[0] == results[1]
        return sorted({partition for partition, _ in watch.started})


@pytest.fixture
def job(tmp_path: Path) -> Job:
    job = Job(tmp_path)
    assert job.run() == [0, 1, 2]
    return job


def test_unchanged_archives_cost_nothing(job: Job) -> None:
    assert job.run() == []


def test_a_changed_archive_costs_its_partition(job: Job, tmp_path: Path) -> None:
    pack(tmp_path / "4.zip", "another text, longer")
    assert job.run() == [1]
    assert job.run() == []


def test_an_archive_that_changed_in_the_same_size_is_found_by_its_time(job: Job, tmp_path: Path) -> None:
    path = tmp_path / "4.zip"
    before = os.stat(path)
    pack(path, "PAPER 4")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert job.run() == [1]


def test_an_archive_that_was_only_touched_costs_nothing(job: Job, tmp_path: Path) -> None:
    os.utime(tmp_path / "4.zip", ns=(1, 1))
    assert job.run() == []


def test_an_archive_that_vanished_costs_its_partition_and_nothing_when_it_comes_back(
    job: Job, tmp_path: Path
) -> None:
    os.rename(tmp_path / "8.zip", tmp_path / "away.zip")
    assert job.run() == [2]
    os.rename(tmp_path / "away.zip", tmp_path / "8.zip")
    assert job.run() == [], "what was computed with it had been set aside, and is used again"


def test_the_scan_again_is_asked_for_where_times_cannot_be_trusted(job: Job, tmp_path: Path) -> None:
    path = tmp_path / "4.zip"
    before = os.stat(path)
    pack(path, "PAPER 4")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert job.run(verify_input=True) == [1]
