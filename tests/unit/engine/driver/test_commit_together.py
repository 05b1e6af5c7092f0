"""StageWriter that are staged at the same time are committed together, and count as if they had been one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from data_juicer.backends.inline import InlineBackend
from data_juicer.config.schema import JobConfig
from data_juicer.engine.driver.committer import Committer
from data_juicer.engine.lifecycle.environment import RunEnvironment
from data_juicer.engine.run_context import RunControl
from data_juicer.engine.run_job import run_job
from data_juicer.errors import CheckpointError, JobLockedError
from data_juicer.events import types as t
from data_juicer.job.lock import Driver, acquire
from data_juicer.storage.memory import MemoryStore
from data_juicer.store.commit import read_manifest
from data_juicer.store.manifest import Manifest
from data_juicer.testing import jobs
from data_juicer.testing.clock import ManualClock
from data_juicer.testing.locks import MemoryLock

PARTITIONS = 6


class EagerBackend(InlineBackend):
    """Takes several attempts, so that what they tell waits for the driver."""

    slots = 4


@pytest.fixture
def config(tmp_path: Path) -> JobConfig:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"".join(b'{"text":"row  %d"}\n' % row for row in range(PARTITIONS)))
    process = ["clean_links_mapper", "whitespace_normalization_mapper"]
    return jobs.recipe("/disk", [str(path)], process, {"partition.size": 1})


def run(config: JobConfig, backend: Callable[[MemoryStore, ManualClock], InlineBackend]) -> jobs.Watch:
    store, clock, watch = jobs.memory_with_input(config), ManualClock(), jobs.Watch()
    environment = RunEnvironment(
        store=store,
        clock=clock,
        backend=backend(store, clock),
        control=RunControl(observers=(watch,)),
        advisory=MemoryLock(set()),
    )
    run_job(config, environment)
    watch.records = [record for record in watch.records if hasattr(record.event, "partition_id")]
    return watch


def of_partition(watch: jobs.Watch, partition: int) -> list[tuple[type[t.AnyEvent], int | None]]:
    return [
        (type(record.event), getattr(record.event, "operation_idx", None))
        for record in watch.records
        if record.event.partition_id == partition  # type: ignore[union-attr] # all of them have one
    ]


def test_a_driver_tells_of_each_partition_what_it_tells_when_it_commits_one_by_one(
    config: JobConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    together: list[int] = []
    ahead = Committer.commit_ahead

    def counted(self: Committer, manifests: Sequence[Manifest]) -> None:
        together.append(len({manifest.partition for manifest in manifests}))
        ahead(self, manifests)

    monkeypatch.setattr(Committer, "commit_ahead", counted)
    one_by_one, eager = run(config, InlineBackend), run(config, EagerBackend)
    assert max(together) == EagerBackend.slots
    for partition in range(PARTITIONS):
        assert of_partition(eager, partition) == of_partition(one_by_one, partition)


def staged(config: JobConfig) -> tuple[MemoryStore, Committer, list[Manifest]]:
    """Results and checkpoints of a job, none of them committed any more."""
    store = MemoryStore()
    jobs.run_inline(config, store)
    layout = jobs.layout_of(config)
    paths = [
        path
        for partition in range(PARTITIONS)
        for path in (layout.checkpoint_manifest(partition, 1), layout.result_manifest(partition))
    ]
    manifests = [read_manifest(store, path) for path in paths]
    for path in paths:
        store.remove(path)
    lock = acquire(store, layout, ManualClock(), Driver(host="here", pid=1), MemoryLock(set()))
    return store, Committer(store, layout, lock, "keep_all"), manifests


def test_stages_that_were_committed_together_are_told_one_by_one(config: JobConfig) -> None:
    store, committer, manifests = staged(config)
    committer.commit_ahead(manifests)
    layout = jobs.layout_of(config)
    assert all(store.exists(layout.result_manifest(partition)) for partition in range(PARTITIONS))
    assert [committer.commit(manifest) for manifest in manifests] == [True] * len(manifests)
    assert not any(committer.commit(manifest) for manifest in manifests)


def test_a_stage_that_cannot_be_committed_is_told_in_its_turn_and_stops_its_partition(
    config: JobConfig,
) -> None:
    store, committer, manifests = staged(config)
    manifests[2] = msgspec.structs.replace(manifests[2], rows=77)
    committer.commit_ahead(manifests)
    assert committer.commit(manifests[0])
    with pytest.raises(CheckpointError, match="77 rows staged"):
        committer.commit(manifests[2])
    assert not store.exists(jobs.layout_of(config).result_manifest(1))
    assert committer.commit(manifests[4])


def test_a_driver_that_was_taken_for_dead_commits_nothing_ahead(config: JobConfig) -> None:
    store, late, manifests = staged(config)
    acquire(store, jobs.layout_of(config), ManualClock(), Driver(host="here", pid=2), MemoryLock(set()))
    before = store.contents()
    with pytest.raises(JobLockedError):
        late.commit_ahead(manifests)
    assert store.contents() == before


def test_nothing_to_commit_is_committed_ahead_of_nothing(config: JobConfig) -> None:
    """As when all that waits is late words of attempts that have ended."""
    store, committer, _ = staged(config)
    before = store.contents()
    committer.commit_ahead([])
    assert store.contents() == before
