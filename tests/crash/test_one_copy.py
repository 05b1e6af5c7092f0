"""A finished job that keeps one copy of its rows: killed anywhere, changed, moved, or robbed of its export, it ends with the same bytes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_juicer.api.rows_out import read_batches
from data_juicer.engine.output.verify import find_problems
from data_juicer.engine.results import one_copy
from data_juicer.errors import CheckpointCorruptError
from data_juicer.storage.memory import Loss, MemoryStore
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss
from data_juicer.testing.jobs import Watch
from tests.support.crash_recipes import lines, small_job
from tests.support.power_loss import visit
from tests.support.rerun_job import RerunJob, every

ONCE = {"intermediate_storage.keep_results": "never"}
PROCESS: list[Any] = ["clean_links_mapper", "whitespace_normalization_mapper"]
EXPORTS: dict[str, dict[str, Any]] = {
    "one file": {},
    "gzip": {"export_type": "jsonl.gz"},
    "shards": {"export_shard_size": 150},
}
KEPT: dict[str, dict[str, Any]] = {
    "gzip shards": {"export_shard_size": 150, "export_type": "jsonl.gz"},
    "parquet": {"export_path": "/disk/jobs/result.parquet"},
}
RESULT = "/disk/jobs/result.jsonl"


def rows(start: int, stop: int) -> list[bytes]:
    return [b'{"text":"row %d of  http://x.example/%d some","n":%d}' % (n, n, n) for n in range(start, stop)]


@pytest.fixture
def job(tmp_path: Path) -> RerunJob:
    """Three partitions of three rows, of one source each."""
    (tmp_path / "in").mkdir()
    job = RerunJob(tmp_path / "in", PROCESS)
    for number in range(3):
        job.write(f"m{number}.jsonl", rows(3 * number, 3 * number + 3))
    return job


def row_files(store: MemoryStore) -> list[str]:
    names = store.list("/disk/jobs/job/results")
    return [name for name in names if not name.endswith((".json", "set_aside"))]


def config_of(job: RerunJob, **settings: Any) -> Any:
    return small_job(sorted(job.folder.glob("*.jsonl")), job.process, **ONCE, **settings)


# ---- what is kept, and that it is as good as two copies


@pytest.mark.parametrize("settings", EXPORTS.values(), ids=EXPORTS)
def test_rows_that_the_export_holds_have_no_second_file(job: RerunJob, settings: dict[str, Any]) -> None:
    job.run(**ONCE, **settings)
    assert row_files(job.store) == []
    layout = jobs.layout_of(config_of(job))
    assert list(find_problems(job.store, layout)) == []
    read = [row for table in read_batches(job.store, layout) for row in table.column("n").to_pylist()]
    assert read == list(range(9))
    assert job.run(**ONCE, **settings) == []
    assert row_files(job.store) == []


@pytest.mark.parametrize("settings", KEPT.values(), ids=KEPT)
def test_rows_that_the_export_holds_in_another_form_stay(job: RerunJob, settings: dict[str, Any]) -> None:
    job.run(**ONCE, **settings)
    assert len(row_files(job.store)) == 3


def test_few_rows_stay_unless_the_settings_say_otherwise(
    job: RerunJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.run()
    assert len(row_files(job.store)) == 3
    monkeypatch.setattr(one_copy, "KEPT_TWICE_BYTES", 1)
    job.run(export_shard_size=100)
    assert len(row_files(job.store)) == 3, "small files are not worth it"
    monkeypatch.setattr(one_copy, "SMALL_BYTES", 1)
    job.run()
    assert row_files(job.store) == []
    job.run(export_shard_size=100, **{"intermediate_storage.keep_results": "always"})
    assert len(row_files(job.store)) == 3


def test_partitions_that_were_done_are_done_when_the_input_grows_or_changes_its_order(job: RerunJob) -> None:
    job.run(**ONCE)
    job.write("m3.jsonl", rows(9, 12))
    assert job.run(**ONCE) == every([3], [0, 1])
    (job.folder / "m1.jsonl").rename(job.folder / "z.jsonl")
    assert job.run(**ONCE) == []
    assert row_files(job.store) == []
    assert list(find_problems(job.store, jobs.layout_of(config_of(job)))) == []


@pytest.mark.parametrize("after", EXPORTS.values(), ids=EXPORTS)
@pytest.mark.parametrize("before", EXPORTS.values(), ids=EXPORTS)
def test_a_job_that_is_exported_in_another_way_reads_its_rows_from_the_export(
    job: RerunJob, before: dict[str, Any], after: dict[str, Any]
) -> None:
    job.run(**ONCE, **before)
    assert job.run(**ONCE, **after) == []


def test_an_operator_that_is_added_and_taken_out_again_costs_itself(job: RerunJob) -> None:
    job.run(**ONCE)
    assert job.run([*PROCESS, "clean_email_mapper"], **ONCE) == every([0, 1, 2], [2])
    assert job.run(**ONCE) == []
    assert row_files(job.store) == []


# ---- what may happen to the export


def test_a_removed_export_is_computed_again_from_checkpoints(job: RerunJob) -> None:
    job.run(**ONCE)
    job.store.remove(RESULT)
    why = [
        f"{RESULT} is missing; the result",
        f"the results of 3 partitions are made again: rows were kept in the export {RESULT} alone, which is missing.",
    ]
    assert job.run(**ONCE, warned_of=why) == []
    assert row_files(job.store) == []


def test_a_removed_export_is_computed_again_from_the_input(job: RerunJob) -> None:
    job.run(**ONCE, **{"checkpoint.strategy": "disabled"})
    job.store.remove(RESULT)
    ran = job.run(
        **ONCE, **{"checkpoint.strategy": "disabled"}, warned_of=["missing", "alone, which is missing"]
    )
    assert ran == every([0, 1, 2], [0, 1])


def test_of_an_edited_export_the_partitions_that_are_not_touched_are_used(job: RerunJob) -> None:
    settings = {**ONCE, "checkpoint.strategy": "disabled"}
    job.run(**settings)
    whole = job.store.read(RESULT)
    job.store.write(RESULT, whole.replace(b'"row 4', b'"ROW 4'))
    changed = ["was changed since", f"its rows were kept in the export {RESULT} alone, which was changed"]
    assert job.run(**settings, warned_of=changed) == every([1], [0, 1])
    job.store.write(RESULT, whole + b'{"text":"mine"}\n')
    assert job.run(**settings, warned_of=["bytes, "]) == []
    job.store.write(RESULT, whole[: len(whole) // 2])
    ran = job.run(**settings, warned_of=["bytes, ", "alone, which holds"])
    assert ran == every([1, 2], [0, 1])


def test_an_export_that_another_job_replaced_is_computed_again(job: RerunJob) -> None:
    settings = {**ONCE, "checkpoint.strategy": "disabled"}
    job.run(**settings)
    job.store.write(RESULT, lines(rows(100, 109)))
    jobs.run_inline(config_of(job, **{"checkpoint.strategy": "disabled"}), job.store)
    assert job.run(**settings) == []


def test_verify_finds_rows_that_are_not_in_the_export_any_more(job: RerunJob) -> None:
    job.run(**ONCE)
    job.store.write(RESULT, job.store.read(RESULT).replace(b'"row 4', b'"ROW 4'))
    problems = {finding.problem for finding in find_problems(job.store, jobs.layout_of(config_of(job)))}
    assert f"its rows were kept in the export {RESULT} alone, which was changed" in problems


def test_a_job_that_is_moved_together_with_its_export_computes_nothing_twice(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(lines(rows(0, 9)))

    def config(home: str) -> Any:
        return jobs.recipe(
            str(tmp_path / home), [str(tmp_path / "in.jsonl")], PROCESS, {"partition.size": 3, **ONCE}
        )

    jobs.run_inline(config("here"), PosixStore())
    whole = (tmp_path / "here/result.jsonl").read_bytes()
    shutil.move(tmp_path / "here", tmp_path / "there")
    watch = Watch()
    jobs.run_inline(config("there"), PosixStore(), watch)
    assert watch.started == []
    assert (tmp_path / "there/result.jsonl").read_bytes() == whole
    assert not list((tmp_path / "there/job/results").glob("*.jsonl"))


# ---- killed, at every change of the disk


@pytest.mark.parametrize("settings", EXPORTS.values(), ids=EXPORTS)
def test_a_power_failure_at_some_changes_of_the_disk(job: RerunJob, settings: dict[str, Any]) -> None:
    print("crash points:", visit(config_of(job, **settings), list(Loss), stride=31))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("settings", EXPORTS.values(), ids=EXPORTS)
def test_a_power_failure_at_every_change_of_the_disk(job: RerunJob, settings: dict[str, Any]) -> None:
    print("crash points:", visit(config_of(job, **settings), list(Loss)))


def crashes(job: RerunJob, before: Any, after: Any, stride: int) -> Iterator[tuple[int, MemoryStore, Loss]]:
    """The disk of a complete job whose power failed at a change of its next run."""
    jobs.run_inline(before, job.store)
    whole = CrashingStore(job.store.after_power_loss(Loss.NOTHING), None)
    jobs.run_inline(after, whole)
    for at in range(1, len(whole.deeds) + 1, stride):
        for loss in list(Loss) if stride == 1 else [list(Loss)[at % len(Loss)]]:
            disk = job.store.after_power_loss(Loss.NOTHING)
            with pytest.raises(PowerLoss):
                jobs.run_inline(after, CrashingStore(disk, at))
            yield at, disk.after_power_loss(loss), loss
    print("crash points:", len(whole.deeds))


def check_published_anew(job: RerunJob, settings: dict[str, Any], stride: int) -> None:
    """Nothing that the export alone held is computed again, wherever the run is killed that writes the export anew."""
    without = {"checkpoint.strategy": "disabled"}
    before = config_of(job, **without, **settings)
    jobs.run_inline(before, job.store)
    job.write("m0a.jsonl", rows(20, 23))
    after, fresh = config_of(job, **without, **settings), MemoryStore()
    jobs.run_inline(after, fresh)
    for at, disk, loss in crashes(job, before, after, stride):
        watch = Watch()
        jobs.run_inline(after, disk, watch)
        assert jobs.exported(after, disk) == jobs.exported(after, fresh), (at, loss)
        assert {partition for partition, _ in watch.started} <= {3}, (at, loss)
        assert row_files(disk) == [], (at, loss)


def test_a_run_that_writes_the_export_anew_is_killed_at_some_changes_of_the_disk(job: RerunJob) -> None:
    check_published_anew(job, {}, stride=17)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("settings", EXPORTS.values(), ids=EXPORTS)
def test_a_run_that_writes_the_export_anew_is_killed_at_every_change_of_the_disk(
    job: RerunJob, settings: dict[str, Any]
) -> None:
    check_published_anew(job, settings, stride=1)


class LyingStore(MemoryStore):
    """What is published as the export is not what was written."""

    def replace(self, source: str, target: str) -> None:
        super().replace(source, target)
        if target == RESULT:
            self.write(target, self.read(target).replace(b'"row 4', b'"ROW 4'))


def test_copies_stay_where_the_export_is_not_what_was_written(job: RerunJob) -> None:
    disk = LyingStore()
    with pytest.raises(CheckpointCorruptError, match=r"read back .* partition 1 are not what was committed"):
        jobs.run_inline(config_of(job), disk)
    assert len(row_files(disk)) == 3
    assert os.path.basename(RESULT) in disk.list("/disk/jobs")
