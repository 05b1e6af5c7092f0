"""What commits make needless, what attempts left behind, and what may never go."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import msgspec
import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.engine.cleanup import orphan_files
from data_juicer.engine.driver.committer import Committer, Order
from data_juicer.job.lock import Driver, acquire
from data_juicer.plan.retention import Retention
from data_juicer.plan.tasks import TaskKey, TaskKind
from data_juicer.storage.memory import MemoryLock, MemoryStore
from data_juicer.storage.posix import PosixStore
from data_juicer.store.commit import read_manifest, set_aside
from data_juicer.store.manifest import Manifest
from data_juicer.testing import jobs
from data_juicer.testing.clock import ManualClock

PROCESS = ["clean_links_mapper", "whitespace_normalization_mapper"]


@pytest.fixture
def config(tmp_path: Path) -> JobConfig:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"text":"one http://a.example"}\n{"text":"two  words"}\n')
    return jobs.recipe("/disk", [str(path)], PROCESS, {"partition.size": 1})


@pytest.fixture
def store(config: JobConfig) -> MemoryStore:
    """Two partitions, done, with a checkpoint after each operator."""
    store = MemoryStore()
    jobs.run_inline(config, store)
    return store


def names(store: MemoryStore, config: JobConfig) -> list[str]:
    return store.list(jobs.layout_of(config).checkpoints_dir)


def checkpoint(store: MemoryStore, config: JobConfig, index: int) -> Manifest:
    return read_manifest(store, jobs.layout_of(config).checkpoint_manifest(0, index))


def committer(store: MemoryStore, config: JobConfig, retention: Retention) -> Committer:
    layout = jobs.layout_of(config)
    lock = acquire(store, layout, ManualClock(), Driver(host="here", pid=1), MemoryLock(set()))
    return Committer(store, layout, lock, retention)


def test_what_no_manifest_names_is_swept_and_the_rest_stays(config: JobConfig, store: MemoryStore) -> None:
    layout, before = jobs.layout_of(config), store.contents().keys()
    litter = [
        layout.checkpoint_data(0, 1, "r1a2", "parquet"),
        layout.result_data(1, "r7a1", "jsonl"),
        layout.checkpoint_manifest(0, 0) + ".123.aside",
    ]
    for path in litter:
        store.write(path, b"x")
    store.write(os.path.join(layout.checkpoints_dir, "notes.txt"), b"somebody else's")
    assert orphan_files.sweep(store, layout).removed == 3
    assert store.contents().keys() == before | {os.path.join(layout.checkpoints_dir, "notes.txt")}
    assert orphan_files.sweep(store, layout).removed == 0


def test_what_killed_runs_leave_beside_the_results_is_swept(config: JobConfig, store: MemoryStore) -> None:
    layout = jobs.layout_of(config)
    store.make_dirs(layout.trace_dir)
    before = store.contents().keys()
    litter = [
        layout.dead_letter_data(0, "r7a1"),
        layout.trace_data(1, "r7a2"),
        f"{layout.summary}.123.aside",
        f"{layout.dataset_mapping}.123.aside",
        f"{layout.run_claim(1)}.123.aside",
        f"{layout.dead_letter(0)}.123.aside",
        os.path.join(layout.partitions_dir, "source_000000_000003.staged"),
        os.path.join(layout.partitions_dir, "partition_000000.0123abcd.jsonl"),
    ]
    for path in litter:
        store.write(path, b"x")
    store.write(os.path.join(layout.partitions_dir, "notes.txt"), b"somebody else's")
    assert orphan_files.sweep(store, layout).removed == len(litter)
    assert store.contents().keys() == before | {os.path.join(layout.partitions_dir, "notes.txt")}


def test_copies_and_dead_letters_that_are_named_stay(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text":"one"}\n{bad\n{"text":"two  words"}\n'))
    store = PosixStore()  # workers read copies of the input from the disk
    settings = {"partition.size": 2, "open_tracer": True}
    config = jobs.recipe(str(tmp_path / "disk"), [str(path)], PROCESS, settings)
    jobs.run_inline(config, store)
    layout = jobs.layout_of(config)
    assert len(store.list(layout.partitions_dir)) == 2
    assert len(store.list(layout.dead_letter_dir)) == 2, "what was staged, and the same for people"
    assert orphan_files.sweep(store, layout).removed == 0


def test_dead_letters_of_a_result_that_was_set_aside_stay(config: JobConfig, store: MemoryStore) -> None:
    layout = jobs.layout_of(config)
    set_aside(store, [layout.result_manifest(0)])
    store.write(layout.dead_letter_data(0, "r1a1"), b"x")
    assert orphan_files.sweep(store, layout).removed == 0


def test_of_a_partition_with_something_set_aside_nothing_is_swept(
    config: JobConfig, store: MemoryStore
) -> None:
    layout = jobs.layout_of(config)
    set_aside(store, [layout.checkpoint_manifest(0, 1)])
    before = store.contents().keys()
    assert orphan_files.sweep(store, layout).removed == 0
    assert store.contents().keys() == before


def test_where_a_manifest_cannot_be_read_nothing_of_its_partition_is_swept(
    config: JobConfig, store: MemoryStore
) -> None:
    layout = jobs.layout_of(config)
    store.write(layout.checkpoint_manifest(0, 1), b"torn")
    store.write(layout.checkpoint_data(0, 1, "r9a9", "parquet"), b"x")
    assert orphan_files.sweep(store, layout).removed == 0


def test_checkpoints_of_some_partitions_go_and_their_results_stay(
    config: JobConfig, store: MemoryStore
) -> None:
    layout = jobs.layout_of(config)
    results = store.list(layout.results_dir)
    orphan_files.drop_checkpoints(store, layout, [0])
    assert names(store, config) == [name for name in names(store, config) if "_000001_" in name]
    assert names(store, config)
    assert store.list(layout.results_dir) == results


def ordered(manifest: Manifest) -> Order:
    task = TaskKey(TaskKind.STAGE, manifest.partition, manifest.operator_index + 1)
    return Order(task=task, attempt=manifest.attempt, manifest=manifest)


@pytest.mark.parametrize(
    ("retention", "left"), [("keep_all", 3), ("keep_failed_only", 1), ("cleanup_all", 1)]
)
def test_a_newer_checkpoint_supersedes_but_keeps_the_deltas_below(
    config: JobConfig, store: MemoryStore, retention: Retention, left: int
) -> None:
    present = committer(store, config, retention)
    present.hold(0, [checkpoint(store, config, 0), checkpoint(store, config, 1)])
    newest = msgspec.structs.replace(checkpoint(store, config, 1), operator_index=2)
    outcome = present.commit(ordered(newest))
    assert (outcome.is_first, outcome.checkpoints) == (True, {3: (0, 1, 2), 1: (2,)}[left])
    assert present.checkpoint(0, 2) == newest
    manifests = [name for name in names(store, config) if name.startswith("checkpoint_000000")]
    assert len(manifests) == left
    assert all(file.name in names(store, config) for file in newest.files)


def test_a_second_attempt_does_not_commit_what_the_first_has(config: JobConfig, store: MemoryStore) -> None:
    present = committer(store, config, "cleanup_all")
    again = msgspec.structs.replace(checkpoint(store, config, 1), attempt="r1a2")
    outcome = present.commit(ordered(again))
    assert (outcome.is_first, outcome.manifest) == (False, checkpoint(store, config, 1))
    assert checkpoint(store, config, 1).attempt == "r1a1"
    assert "checkpoint_000000_000.json" in names(store, config)


def test_a_driver_that_was_taken_for_dead_commits_nothing(config: JobConfig, store: MemoryStore) -> None:
    from data_juicer.errors import JobLockedError

    late = committer(store, config, "keep_all")
    committer(store, config, "keep_all")
    before = store.contents()
    with pytest.raises(JobLockedError):
        late.commit(ordered(msgspec.structs.replace(checkpoint(store, config, 1), operator_index=5)))
    assert store.contents() == before


def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_is_the_newest(
    config: JobConfig, store: MemoryStore
) -> None:
    present = committer(store, config, "keep_all")
    present.hold(0, [checkpoint(store, config, 0), checkpoint(store, config, 1)])
    present.set_aside_damaged(0, [1])
    assert present.checkpoint(0, 0).operator_index == 0
    with pytest.raises(StopIteration):
        present.checkpoint(0, 1)
    assert store.list(jobs.layout_of(config).set_aside_dir) == ["checkpoint_000000_001.json"]
