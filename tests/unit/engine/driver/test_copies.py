"""Whole jobs on simulated workers, of which one is frozen: what a copy saves, and that it changes no byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.engine.driver.pool_driver import PoolDriver
from data_juicer.engine.lifecycle.environment import RunEnvironment
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.run_context import RunControl
from data_juicer.engine.run_job import run_job
from data_juicer.events import types as t
from data_juicer.events.view import JobView
from data_juicer.monitor.facts import job_facts
from data_juicer.plan.scan import shared
from data_juicer.storage.memory import MemoryLock, MemoryStore
from data_juicer.testing import jobs
from data_juicer.testing.clock import ManualClock
from tests.support.simulated_workers import Freeze, SimulatedWorkers

PROCESS = [
    "clean_links_mapper",
    {"text_length_filter": {"min_len": 4}},
    "whitespace_normalization_mapper",
]
FROZEN_S = 60.0
COST_S_MAX = 10.0
"""What a worker that is frozen for a minute may cost."""


@pytest.fixture
def recipe(tmp_path: Path) -> Any:
    path = tmp_path / "in.jsonl"
    rows = (b'{"id":%d,"text":"row  %d http://a.example/%d"}\n' % (n, n % 17, n) for n in range(120))
    path.write_bytes(b"".join(rows))

    def make(speculate: str = "always", process: Any = PROCESS, **settings: Any) -> JobConfig:
        given = {
            "partition.size": 4,
            "executor_type": "local",
            "np": 4,
            "fault_tolerance.speculate": speculate,
        }
        return jobs.recipe("/disk", [str(path)], process, {**given, **settings})

    return make


class Ran:
    """A job on simulated workers, and what it took."""

    def __init__(
        self,
        config: JobConfig,
        frozen: dict[int, Freeze] | None = None,
        kind: type = SimulatedWorkers,
        operator_s: Callable[[m.Attempt, int], float] = lambda _, index: 0.4 * (index >= 0),
        end_s: Callable[[m.Attempt], float] = lambda _: 0.0,
    ) -> None:
        self.store: MemoryStore = jobs.memory_with_input(config)
        clock, watch = ManualClock(), jobs.Watch()
        self.backend = kind(
            self.store, clock, 4, operator_s=operator_s, end_s=end_s, start_s=0.5, frozen=frozen
        )
        environment = RunEnvironment(
            store=self.store,
            clock=clock,
            backend=self.backend,
            control=RunControl(observers=(watch,)),
            advisory=MemoryLock(set()),
        )
        self.outcome = run_job(config, environment)
        self.took_s, self.watch = clock.monotonic_s(), watch
        self.result = jobs.exported(config, self.store)
        self.files = [
            name for path in jobs.layout_of(config).directories().values() for name in self.store.list(path)
        ]

    def notices(self, what: str) -> list[str]:
        return [event.message for event in self.watch.events(t.InfoNotice) if event.data.get(t.COPY) == what]


@pytest.mark.parametrize(
    ("start_s", "strategy"), [(0.0, "every_op"), (2.0, "every_op"), (9.0, "every_op"), (3.0, "disabled")]
)
def test_a_worker_that_is_frozen_for_a_minute_costs_at_most_ten_seconds(
    recipe: Any, start_s: float, strategy: str
) -> None:
    settings = {"checkpoint.strategy": strategy, "intermediate_storage.retention_policy": "keep_failed_only"}
    plain = Ran(recipe(**settings))
    freeze = {1: Freeze(start_s=start_s, stop_s=start_s + FROZEN_S)}
    ran = Ran(recipe(**settings), freeze)
    assert ran.took_s - plain.took_s <= COST_S_MAX
    assert ran.result == plain.result
    assert ran.notices("started")
    assert len(ran.notices("won")) >= 1
    assert jobs.ledgers(recipe(), ran.store) == jobs.ledgers(recipe(), plain.store)


def test_without_copies_the_same_worker_costs_its_minute(recipe: Any) -> None:
    freeze = {1: Freeze(start_s=2.0, stop_s=2.0 + FROZEN_S)}
    assert Ran(recipe("never"), freeze).took_s - Ran(recipe("never")).took_s > FROZEN_S / 2


def test_without_a_straggler_nothing_is_begun_twice(recipe: Any) -> None:
    ran = Ran(recipe())
    assert (ran.notices("started"), ran.backend.cancelled) == ([], [])


def test_what_the_loser_staged_is_gone_at_the_end_and_what_is_left_is_named_by_manifests(recipe: Any) -> None:
    freeze = {1: Freeze(start_s=2.0, stop_s=2.0 + FROZEN_S)}
    ran, plain = Ran(recipe(), freeze), Ran(recipe())
    assert ran.notices("won")
    assert len(ran.files) == len(plain.files)


def test_the_counts_of_the_job_are_those_of_one_that_nobody_froze(recipe: Any) -> None:
    ran, plain = Ran(recipe(), {1: Freeze(start_s=2.0, stop_s=62.0)}), Ran(recipe())
    config, view = recipe(), ran.outcome.view
    assert rows_counted(ran.watch) == rows_counted(plain.watch)
    assert (view.retries, view.partitions_done, view.rows_done) == (0, 30, 120)
    facts = job_facts(ran.outcome.summary, view, jobs.layout_of(config), None, is_alive=False)
    (shown,) = [fact.text for fact in facts if fact.name == "stragglers"]
    begun = len(ran.notices("started"))
    assert shown.startswith(f"{begun} partition")
    assert shown.endswith("ended first there")


def rows_counted(watch: jobs.Watch) -> list[tuple[str, int, int]]:
    """Operators with their rows in and out, as the events of partitions add up to them."""
    view = JobView()
    for record in watch.records:
        if isinstance(record.event, t.PerformanceMetric):
            break
        view.apply(record)
    return [(ledger.name, ledger.rows_in, ledger.rows_out) for ledger in view.operators.values()]


@pytest.mark.parametrize("retention", ["keep_all", "keep_failed_only"])
def test_what_a_slow_straggler_commits_beside_its_copy_is_counted_once(recipe: Any, retention: str) -> None:
    def operator_s(attempt: m.Attempt, index: int) -> float:
        if attempt.partition.partition_id != 20 or index < 0:
            return 0.4 * (index >= 0)
        return 2.0 if attempt.is_copy else (5.0, 30.0, 30.0)[index]

    config = recipe(**{"intermediate_storage.retention_policy": retention})
    ran, plain = Ran(config, operator_s=operator_s), Ran(config)
    saved = [event.attempt for event in ran.watch.events(t.CheckpointSave) if event.partition_id == 20]
    assert saved == ["r1a1", "r1a2", "r1a2"]
    assert rows_counted(ran.watch) == rows_counted(plain.watch)
    assert ran.result == plain.result
    beside = (
        1 if retention == "keep_all" else 0
    )  # the checkpoint that was committed is kept, beside the copy's own of that stage
    assert len(ran.files) == len(plain.files) + beside


def test_a_straggler_whose_result_is_committed_before_it_says_its_last_word_ends_its_copy(
    recipe: Any,
) -> None:
    def operator_s(attempt: m.Attempt, index: int) -> float:
        if attempt.partition.partition_id != 20 or index < 0:
            return 0.4 * (index >= 0)
        return 60.0 if attempt.is_copy else 3.0

    def end_s(attempt: m.Attempt) -> float:
        return 5.0 if attempt.partition.partition_id == 20 else 0.0

    ran, plain = Ran(recipe(), operator_s=operator_s, end_s=end_s), Ran(recipe())
    assert (len(ran.notices("started")), len(ran.notices("lost"))) == (1, 1)
    assert ran.result == plain.result


def test_shared_tasks_are_begun_again_elsewhere_too(recipe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan, which is shared out as shards of a resolve are."""
    run = PoolDriver.run

    def speculating(driver: PoolDriver, *arguments: Any, **settings: Any) -> int:
        return run(driver, *arguments, **{**settings, "speculates": True})

    monkeypatch.setattr(PoolDriver, "run", speculating)
    monkeypatch.setattr(shared, "LARGE_BYTES", 0)
    monkeypatch.setattr(shared, "RANGE_BYTES", 300)
    plain = Ran(recipe())
    ran = Ran(recipe(), {1: Freeze(start_s=1.0, stop_s=1.0 + FROZEN_S)})
    assert ran.notices("started")[0].startswith("the scan of ")
    assert ran.notices("won")
    assert ran.took_s - plain.took_s <= COST_S_MAX
    assert ran.result == plain.result


class LosesCopies(SimulatedWorkers):
    """The worker of each copy dies before its first operator."""

    def next_message(self, timeout_s: float) -> m.Message | None:
        for worker in self._workers:
            attempt = worker.attempt
            if isinstance(attempt, m.Attempt) and attempt.is_copy:
                worker.renew(self._clock.monotonic_s() + self._start_s)
                return m.AttemptFailed(
                    task=attempt.key,
                    attempt=attempt.name,
                    error_type="WorkerLost",
                    message="SIGSEGV in clean_links_mapper",
                    operator_index=0,
                    transient=True,
                    loss=m.Loss(from_within=True),
                )
        return super().next_message(timeout_s)


def test_copies_that_crash_blame_nobody_and_the_straggler_ends_the_job(recipe: Any) -> None:
    config = recipe(**{"fault_tolerance.max_retries": 0})
    ran = Ran(config, {1: Freeze(start_s=2.0, stop_s=62.0)}, LosesCopies)
    assert ran.notices("failed")
    assert not ran.notices("won")
    assert ran.watch.events(t.PartitionFailed) == []
    assert ran.outcome.view.retries == 0
    assert ran.result == Ran(config).result


def test_a_dataset_operator_waits_for_no_frozen_worker_either(recipe: Any) -> None:
    process = ["clean_links_mapper", "document_deduplicator", "whitespace_normalization_mapper"]
    plain = Ran(recipe(process=process))
    for start_s in (1.0, 4.0, 9.0):
        ran = Ran(recipe(process=process), {2: Freeze(start_s=start_s, stop_s=start_s + FROZEN_S)})
        assert ran.took_s - plain.took_s <= COST_S_MAX
        assert ran.result == plain.result
