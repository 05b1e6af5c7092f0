"""What shards of a resolve leave for each other goes with the resolve, and with the job."""

from __future__ import annotations

import pytest

from data_juicer.engine.cleanup.orphan_files import sweep
from data_juicer.engine.cleanup.whole_job import remove_job
from data_juicer.job.layout import JobLayout
from data_juicer.storage.memory import MemoryStore
from data_juicer.store.resolve.shards import ShardManifest, Step, commit_shard

LAYOUT = JobLayout.of("/jobs", "job")


@pytest.fixture
def store() -> MemoryStore:
    """A job in whose resolve of operator 3 one shard of each step is committed, and another one is not."""
    store = MemoryStore()
    for directory in (*LAYOUT.own_directories(), f"{LAYOUT.shards_dir}/set_aside"):
        store.make_dirs(directory)
    store.stage(LAYOUT.summary_catalogue(3), b"manifests")
    commit(store, "meet", LAYOUT.shard_data(3, "meet", 0, "r1a1"))
    commit(store, "decide", LAYOUT.group_decisions(3, 0, "r1a1"))
    store.stage(LAYOUT.shard_data(3, "meet", 0, "r1a2"), b"late")
    store.stage(LAYOUT.group_decisions(3, 0, "r1a2"), b"late")
    return store


def commit(store: MemoryStore, step: Step, path: str) -> None:
    store.stage(path, b"records")
    manifest = ShardManifest(
        job="job",
        operator_index=3,
        step=step,
        number=0,
        key="k",
        file=path.rpartition("/")[2],
        size_bytes=7,
        run=1,
        created="",
    )
    commit_shard(store, LAYOUT.shard_manifest(3, step, 0), manifest)


def test_what_no_shard_names_is_swept(store: MemoryStore) -> None:
    sweep(store, LAYOUT)
    assert store.list(LAYOUT.shards_dir) == [
        "resolve_003_decide_0000.json",
        "resolve_003_meet_0000.json",
        "resolve_003_meet_0000.r1a1.shard",
        "set_aside",
        "summaries_003",
    ]
    assert "resolve_003.g0000.r1a1.decisions" in store.list(LAYOUT.checkpoints_dir)
    assert "resolve_003.g0000.r1a2.decisions" not in store.list(LAYOUT.checkpoints_dir)


def test_all_is_swept_when_the_decisions_are_committed(store: MemoryStore) -> None:
    store.stage(LAYOUT.resolve_manifest(3), b"damaged, so that what it names is not known")
    sweep(store, LAYOUT)
    assert store.list(LAYOUT.shards_dir) == ["set_aside"]
    assert "resolve_003.g0000.r1a1.decisions" in store.list(LAYOUT.checkpoints_dir)


def test_a_job_that_is_removed_takes_them_with_it(store: MemoryStore) -> None:
    store.stage(f"{LAYOUT.shards_dir}/set_aside/resolve_003_meet_0001.json.1", b"damaged")
    assert not remove_job(store, LAYOUT).refused
    assert store.list("/jobs") == []
