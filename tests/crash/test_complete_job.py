"""A complete job that is started again: what was damaged of it is made again, and nothing else is written."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.errors import DataJuicerError
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs
from data_juicer.testing.jobs import Watch
from tests.support.crash_recipes import CUSTOM, PROCESS, ROWS, lines

STORE = PosixStore()
SAME = ("result.jsonl", "dedup_report.parquet", "dataset_mapping.json")
"""What is byte for byte what it was; other reports name runs and attempts."""


def job(home: Path, **settings: Any) -> JobConfig:
    data = home / "in.jsonl.gz"
    if not data.exists():
        data.write_bytes(gzip.compress(lines(ROWS)))
    given = {"partition.size": 3, "custom_operator_paths": [CUSTOM], **settings}
    return jobs.recipe(str(home / "work"), [str(data)], [*PROCESS, "document_deduplicator"], given)


def files(config: JobConfig) -> dict[str, bytes]:
    """Of the job's directory and the export, what a second start must not change or must bring back."""
    layout = jobs.layout_of(config)
    found = {config.export_path: Path(config.export_path).read_bytes()}
    for directory in (layout.metadata_dir, layout.dead_letter_dir):
        for name in os.listdir(directory):
            if name != "set_aside":
                found[f"{directory}/{name}"] = Path(directory, name).read_bytes()
    return found


def test_every_report_of_a_complete_job_is_made_again_when_it_was_damaged(tmp_path: Path) -> None:
    config = job(tmp_path)
    jobs.run_inline(config, STORE)
    expected = files(config)
    names = {os.path.basename(path) for path in expected}
    assert names >= {
        "dataset_mapping.json",
        "final_mapping_report.json",
        "dedup_report.parquet",
        "resume_report.json",
        "partition_000000.jsonl",
    }
    for path, data in list(expected.items()):
        is_staged = ".r1a" in path
        for damaged in (data[: len(data) // 2], data[:-9] + bytes([data[-9] ^ 1]) + data[-8:], None):
            if is_staged and damaged != data[: len(data) // 2]:
                continue  # it was set aside with its result, and another attempt staged another
            if damaged is None:
                os.remove(path)
            else:
                Path(path).write_bytes(damaged)
            assert not jobs.run_inline(config, STORE).already_complete, path
            assert jobs.run_inline(config, STORE).already_complete, path
            found = files(config)
            for place in expected:
                if os.path.basename(place) in SAME:
                    assert found[place] == expected[place], (path, place)


class Killed(BaseException):
    """No handler of errors takes place."""


class KilledAtRelease(PosixStore):
    def replace(self, source: str, target: str) -> None:
        if b'"released":true' in self.read(source):
            raise Killed
        super().replace(source, target)


def test_what_a_run_left_that_was_killed_as_it_gave_its_complete_job_free_is_removed(tmp_path: Path) -> None:
    config = job(tmp_path)
    with pytest.raises(Killed):
        jobs.run_inline(config, KilledAtRelease())
    runs = Path(jobs.layout_of(config).runs_dir)
    assert [path.suffix for path in runs.iterdir()].count(".aside") == 1
    assert jobs.run_inline(config, STORE).already_complete
    assert [path.name for path in runs.iterdir() if path.suffix == ".aside"] == []


def test_verifying_the_input_of_a_complete_job_publishes_nothing(tmp_path: Path) -> None:
    jobs.run_inline(job(tmp_path), STORE)
    config = job(tmp_path, verify_input=True)
    expected = {path: os.stat(path).st_ino for path in files(config)}
    for _ in range(2):
        watch = Watch()
        jobs.run_inline(config, STORE, watch)
        assert watch.started == []
        assert watch.warnings == []
        found = {path: os.stat(path).st_ino for path in files(config)}
        changed = {os.path.basename(path) for path in expected if found[path] != expected[path]}
        assert changed <= {"resume_report.json", "dataset_mapping.json"}
    assert jobs.run_inline(job(tmp_path), STORE).already_complete


def test_an_input_that_changed_is_found_by_verifying_it(tmp_path: Path) -> None:
    config = job(tmp_path)
    jobs.run_inline(config, STORE)
    data = tmp_path / "in.jsonl.gz"
    status = os.stat(data)
    rows = [*ROWS[:-1], ROWS[-1].replace(b"and that one", b"and this one")]
    data.write_bytes(gzip.compress(lines(rows)).ljust(status.st_size, b"\0"))
    os.utime(data, ns=(status.st_atime_ns, status.st_mtime_ns))
    watch = Watch()
    jobs.run_inline(job(tmp_path, verify_input=True), STORE, watch)
    assert {partition for partition, operator in watch.started if operator < len(PROCESS)} == {2}
    assert b"and this one" in Path(config.export_path).read_bytes()


@pytest.mark.parametrize("how", ["flipped", "cut", "gone"])
def test_a_damaged_copy_is_no_changed_input_and_is_made_again(tmp_path: Path, how: str) -> None:
    config = job(tmp_path)
    jobs.run_inline(config, STORE)
    layout, expected = jobs.layout_of(config), Path(config.export_path).read_bytes()
    mapping = json.loads(Path(layout.dataset_mapping).read_bytes())
    copy = Path(layout.partitions_dir) / os.path.basename(mapping["partitions"][1]["copy_path"])
    os.remove(layout.result_manifest(1))
    os.remove(layout.summary)
    for path in Path(layout.checkpoints_dir).glob("*"):
        os.remove(path)
    data = copy.read_bytes()
    if how == "flipped":
        copy.write_bytes(data[:9] + bytes([data[9] ^ 1]) + data[10:])
        with pytest.raises(DataJuicerError, match=r"is damaged and was set aside\. The input did not change"):
            jobs.run_inline(config, STORE)
    elif how == "cut":
        copy.write_bytes(data[:-1])
    else:
        copy.unlink()
    jobs.run_inline(config, STORE)
    assert Path(config.export_path).read_bytes() == expected
