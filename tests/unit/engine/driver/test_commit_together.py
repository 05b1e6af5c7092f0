"""Several commits are in flight at once, and count and are recorded as if they had been one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from data_juicer.backends.inline import InlineBackend
from data_juicer.config.schema import JobConfig
from data_juicer.engine.driver.commit_pool import THREADS_MAX, THREADS_MIN, CommitPool, threads_for
from data_juicer.engine.driver.committer import Committer, Order, Outcome
from data_juicer.engine.lifecycle.environment import RunEnvironment
from data_juicer.engine.run_context import RunControl
from data_juicer.engine.run_job import run_job
from data_juicer.errors import CheckpointError, JobLockedError, StoreError
from data_juicer.events import types as t
from data_juicer.job.lock import Driver, acquire
from data_juicer.plan.tasks import TaskKey, TaskKind
from data_juicer.storage.files import Data
from data_juicer.storage.memory import MemoryLock, MemoryStore
from data_juicer.store.commit import read_manifest
from data_juicer.store.manifest import Manifest
from data_juicer.testing import jobs
from data_juicer.testing.clock import ManualClock

PARTITIONS = 6


class EagerBackend(InlineBackend):
    """Takes several attempts, so that commits of one are in flight while others go on."""

    slots = 4


@pytest.fixture
def config(tmp_path: Path) -> JobConfig:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"".join(b'{"text":"row  %d"}\n' % row for row in range(PARTITIONS)))
    process = ["clean_links_mapper", "whitespace_normalization_mapper"]
    return jobs.recipe("/disk", [str(path)], process, {"partition.size": 1})


def run(
    config: JobConfig,
    backend: Callable[[MemoryStore, ManualClock], InlineBackend],
    store: MemoryStore | None = None,
) -> jobs.Watch:
    store, clock, watch = store or jobs.memory_with_input(config), ManualClock(), jobs.Watch()
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


StoreT = TypeVar("StoreT", bound=MemoryStore)


def with_input(config: JobConfig, store: StoreT) -> StoreT:
    jobs.copy_input(config, store)
    return store


class MeetingStore(MemoryStore):
    """Results are committed only while commits of several partitions are under way."""

    def __init__(self, parties: int) -> None:
        super().__init__()
        self._meeting = threading.Barrier(parties, timeout=60.0)

    def put_if_absent(self, path: str, data: Data) -> bool:
        if "/results/" in path:
            self._meeting.wait()
        return super().put_if_absent(path, data)


def test_the_events_of_a_partition_are_those_of_a_driver_that_commits_one_by_one(config: JobConfig) -> None:
    one_by_one, eager = run(config, InlineBackend), run(config, EagerBackend)
    for partition in range(PARTITIONS):
        assert of_partition(eager, partition) == of_partition(one_by_one, partition)


def test_a_driver_does_not_wait_for_one_commit_before_it_begins_the_next(config: JobConfig) -> None:
    watch = run(config, EagerBackend, with_input(config, MeetingStore(parties=3)))
    assert len(watch.events(t.PartitionComplete)) == PARTITIONS


def test_threads_are_as_many_as_a_thousand_commits_a_second_need_and_four_on_a_fast_disk() -> None:
    assert threads_for(0.001) == THREADS_MIN
    assert 1_000 * 0.050 < threads_for(0.050) <= THREADS_MAX
    assert threads_for(10.0) == THREADS_MAX


def test_jobs_of_one_lane_are_done_in_order_and_those_of_others_meanwhile() -> None:
    present, done = threading.Event(), []

    def work(job: str) -> str:
        if job == "a1":
            assert present.wait(60.0)
        done.append(job)
        return job

    pool: CommitPool[str, str] = CommitPool(work)
    for job in ("a1", "a2", "b1", "b2"):
        pool.submit(job[0], job)
    assert [pool.take(60.0), pool.take(60.0)] == ["b1", "b2"]
    present.set()
    assert [pool.take(60.0), pool.take(60.0)] == ["a1", "a2"]
    assert pool.in_flight == 0
    pool.close()
    assert done == ["b1", "b2", "a1", "a2"]


def test_closing_waits_for_what_is_under_way_and_drops_what_was_not_begun() -> None:
    begun, present, done = threading.Event(), threading.Event(), []

    def work(job: int) -> int:
        begun.set()
        assert present.wait(60.0)
        done.append(job)
        return job

    pool: CommitPool[int, int] = CommitPool(work)
    for job in range(3):
        pool.submit("lane", job)
    assert begun.wait(60.0)
    threading.Timer(0.0, present.set).start()
    pool.close()
    assert done in ([0], [0, 1], [0, 1, 2])


def staged(config: JobConfig) -> tuple[MemoryStore, Committer, list[Order]]:
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
    return store, Committer(store, layout, lock, "keep_all"), [ordered(manifest) for manifest in manifests]


def ordered(manifest: Manifest) -> Order:
    task = TaskKey(TaskKind.STAGE, manifest.partition, manifest.operator_index + 1)
    return Order(task=task, attempt=manifest.attempt, manifest=manifest)


def outcomes(committer: Committer) -> dict[tuple[int, str], Outcome]:
    found = {}
    while committer.in_flight:
        outcome = committer.take(60.0)
        assert outcome is not None
        assert isinstance(outcome.manifest, Manifest)
        found[outcome.manifest.partition, outcome.manifest.kind] = outcome
    return found


def test_stages_that_are_committed_together_count_once(config: JobConfig) -> None:
    store, committer, orders = staged(config)
    for order in orders:
        committer.begin(order)
    first = outcomes(committer)
    layout = jobs.layout_of(config)
    assert all(store.exists(layout.result_manifest(partition)) for partition in range(PARTITIONS))
    assert [outcome.is_first for outcome in first.values()] == [True] * len(orders)
    for order in orders:
        committer.begin(order)
    assert [outcome.is_first for outcome in outcomes(committer).values()] == [False] * len(orders)


def test_a_stage_that_cannot_be_committed_is_reported_and_those_of_other_partitions_count(
    config: JobConfig,
) -> None:
    store, committer, orders = staged(config)
    manifest = orders[2].manifest
    assert isinstance(manifest, Manifest)
    orders[2] = ordered(msgspec.structs.replace(manifest, rows=77))
    for order in (orders[0], orders[2], orders[4]):
        committer.begin(order)
    found = outcomes(committer)
    assert isinstance(found[1, "checkpoint"].error, CheckpointError)
    assert [found[partition, "checkpoint"].is_first for partition in (0, 1, 2)] == [True, False, True]
    assert not store.exists(jobs.layout_of(config).checkpoint_manifest(1, 1))


def test_a_driver_that_was_taken_for_dead_commits_nothing(config: JobConfig) -> None:
    store, late, orders = staged(config)
    acquire(store, jobs.layout_of(config), ManualClock(), Driver(host="here", pid=2), MemoryLock(set()))
    before = store.contents()
    for order in orders:
        late.begin(order)
    assert {type(outcome.error) for outcome in outcomes(late).values()} == {JobLockedError}
    assert store.contents() == before


class RefusingStore(MemoryStore):
    """Its disk is full when the result of partition 3 is to be committed."""

    is_full = True

    def link(self, source: str, target: str) -> bool:
        if self.is_full and target.endswith("/results/partition_000003.json"):
            raise StoreError(f"{target}: no space left on device")
        return super().link(source, target)


def test_a_refused_commit_ends_the_run_with_its_reason_and_the_next_run_goes_on(config: JobConfig) -> None:
    store = with_input(config, RefusingStore())
    with pytest.raises(StoreError, match="no space left"):
        run(config, EagerBackend, store)
    store.is_full = False
    run(config, EagerBackend, store)
    assert len(jobs.exported(config, store)["result.jsonl"].splitlines()) == PARTITIONS
