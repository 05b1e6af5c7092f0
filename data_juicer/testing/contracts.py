"""What every backend must do, as tests: a backend passes by subclassing `BackendContract` in a test module."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.core.executor.factory import make_executor
from data_juicer.engine.lifecycle.environment import JobOutcome
from data_juicer.engine.run_context import RunControl, never
from data_juicer.errors import JobFailedError, JobStoppedError
from data_juicer.events import types as t
from data_juicer.job.summary import JobCounts
from data_juicer.storage.posix import PosixStore
from data_juicer.store.ledger import OperatorLedger
from data_juicer.testing import jobs, poison

STORE = PosixStore()
ROWS = 240
ROWS_A_PARTITION = 20
PROCESS: list[Any] = [
    "clean_links_mapper",
    "poison_mapper",
    "whitespace_normalization_mapper",
    {"text_length_filter": {"min_len": 12}},
]
POISONED = 1
"""Index of poison_mapper."""


class Outcome(NamedTuple):
    """What must not depend on the backend, nor on what happened to it."""

    exported: dict[str, bytes]
    ledgers: list[tuple[OperatorLedger, ...]]
    dead_letters: list[tuple[str, int, str | None]]
    counts: JobCounts


class Job:
    """A job of twelve partitions in a folder of its own; `bad` rows are in the place of good ones."""

    def __init__(
        self, folder: Path, backend: Mapping[str, Any], bad: Mapping[int, str], settings: Mapping[str, Any]
    ) -> None:
        self.folder = folder
        self._backend = backend
        self._settings = settings
        texts = [
            bad.get(row, f"row {row}  see https://example.com/{row} " + "x" * (row % 9))
            for row in range(ROWS)
        ]
        lines = [
            text if text == "no json" else f'{{"text": "{text}", "n": {row}.0}}'
            for row, text in enumerate(texts)
        ]
        (folder / "in.jsonl").write_text("".join(line + "\n" for line in lines))
        self.process = PROCESS
        self.watch = jobs.Watch()

    def config(self, **more: Any) -> JobConfig:
        settings = {
            "partition.size": ROWS_A_PARTITION,
            "custom_operator_paths": [poison.__file__],
            "fault_tolerance.retry_backoff": "fixed",
            "fault_tolerance.max_dead_letter_ratio": 0.5,
            **self._backend,
            **self._settings,
            **more,
        }
        return jobs.recipe(str(self.folder), [str(self.folder / "in.jsonl")], self.process, settings)

    def run(self, stop_signal: Callable[[], int | None] = never, **more: Any) -> JobOutcome:
        """One run, watched from its begin."""
        self.watch = jobs.Watch()
        executor = make_executor(self.config(), RunControl(observers=(self.watch,), stop_signal=stop_signal))
        return executor.run(self.config(**more))

    @property
    def outcome(self) -> Outcome:
        config = self.config()
        return Outcome(
            jobs.exported(config, STORE),
            jobs.ledgers(config, STORE),
            jobs.dead_letters(config, STORE),
            jobs.counts(config, STORE),
        )


class BackendContract:
    """A subclass overrides the fixture `backend`: the settings that choose it."""

    has_workers = True
    """Workers may die and the job goes on; False where they share the driver's process."""

    @pytest.fixture
    def backend(self) -> Mapping[str, Any]:
        raise NotImplementedError

    @pytest.fixture
    def job(self, tmp_path: Path, backend: Mapping[str, Any]) -> Callable[..., Job]:
        """(bad rows, further settings) -> a job."""

        def make(bad: Mapping[int, str] | None = None, **settings: Any) -> Job:
            (tmp_path / "job").mkdir()
            return Job(tmp_path / "job", backend, bad or {}, settings)

        return make

    @pytest.fixture
    def expected(self, tmp_path: Path) -> Callable[..., Outcome]:
        """The outcome of the same job in one process."""

        def undisturbed(bad: Mapping[int, str] | None = None, **settings: Any) -> Outcome:
            (tmp_path / "expected").mkdir()
            job = Job(tmp_path / "expected", {"executor_type": "inline"}, bad or {}, settings)
            job.run()
            return job.outcome

        return undisturbed

    @pytest.mark.parametrize("strategy", ["every_op", "every_partition", "disabled"])
    def test_a_job_gives_the_bytes_and_the_ledger_that_it_gives_in_one_process(
        self, job: Callable[..., Job], expected: Callable[..., Outcome], strategy: str
    ) -> None:
        here = job(**{"checkpoint.strategy": strategy})
        here.run()
        assert here.outcome == expected()
        saved = len(here.watch.events(t.CheckpointSave))
        assert saved == {"every_op": 48, "every_partition": 12, "disabled": 0}[strategy]

    def test_the_log_tells_where_each_attempt_was_made(self, job: Callable[..., Job]) -> None:
        here = job()
        here.run()
        starts = here.watch.events(t.PartitionStart)
        assert sorted(start.partition_id for start in starts) == list(range(12))
        assert all(start.data.worker and start.data.node for start in starts)

    def test_bad_rows_become_dead_letters_and_cost_nothing_else(
        self, job: Callable[..., Job], expected: Callable[..., Outcome]
    ) -> None:
        bad = {7: "!raise", 101: "no json", 230: "!raise"}
        here = job(bad)
        here.run()
        assert here.outcome == expected(bad)
        assert {(operator, line) for operator, line, _ in here.outcome.dead_letters} == {
            ("poison_mapper", 8),
            ("read", 102),
            ("poison_mapper", 231),
        }

    def test_a_deduplication_keeps_the_rows_that_it_keeps_in_one_process(
        self, job: Callable[..., Job], tmp_path: Path
    ) -> None:
        bad = dict.fromkeys(range(5, ROWS, 30), "the same row again and again")
        (tmp_path / "expected").mkdir()
        here, there = job(bad), Job(tmp_path / "expected", {"executor_type": "inline"}, bad, {})
        for each in (here, there):
            each.process = [*PROCESS, "document_deduplicator"]
            each.run()
        assert here.outcome == there.outcome
        assert b"".join(jobs.exported(here.config(), STORE).values()).count(b"THE SAME ROW") == 1

    def test_too_many_dead_letters_fail_the_job(self, job: Callable[..., Job]) -> None:
        here = job(dict.fromkeys(range(60), "!raise"), **{"fault_tolerance.max_dead_letter_ratio": 0.01})
        with pytest.raises(JobFailedError, match="dead letters"):
            here.run()

    def test_a_stopped_job_goes_on_from_its_checkpoints(
        self, job: Callable[..., Job], expected: Callable[..., Outcome]
    ) -> None:
        here = job()
        with pytest.raises(JobStoppedError):
            here.run(lambda: signal.SIGTERM if here.watch.events(t.PartitionComplete) else None)
        done = {event.partition_id for event in here.watch.events(t.PartitionComplete)}
        saved = {(event.partition_id, event.operation_idx) for event in here.watch.events(t.CheckpointSave)}
        here.run()
        assert 0 < len(done) < 12
        assert {start.partition_id for start in here.watch.events(t.PartitionStart)} == set(range(12)) - done
        assert not saved & set(here.watch.started)
        assert here.outcome == expected()

    def test_a_job_begun_elsewhere_goes_on_here_and_back(
        self, job: Callable[..., Job], expected: Callable[..., Outcome]
    ) -> None:
        many = {
            "partition.size": ROWS_A_PARTITION // 4
        }  # each run that is stopped finishes up to six of them
        here = job(**many)
        done: set[int] = set()
        for executor_type in ("local", None, "inline"):
            elsewhere = {"executor_type": executor_type} if executor_type else {}
            with pytest.raises(JobStoppedError):
                here.run(
                    lambda: signal.SIGTERM if here.watch.events(t.PartitionComplete) else None, **elsewhere
                )
            begun = {event.partition_id for event in here.watch.events(t.PartitionStart)}
            assert not begun & done, "a committed partition was begun again"
            done |= {event.partition_id for event in here.watch.events(t.PartitionComplete)}
        here.run()
        assert here.outcome == expected(**many)

    def test_a_killed_worker_costs_one_attempt(
        self, job: Callable[..., Job], expected: Callable[..., Outcome], tmp_path: Path
    ) -> None:
        self._need_workers()
        bad = {50: f"!once {tmp_path / 'once'}"}
        here = job(bad)
        here.run()
        failures = {event.partition_id: event.data for event in here.watch.events(t.PartitionFailed)}
        assert failures[2].error_type == "WorkerLost"
        assert "SIGKILL" in failures[2].error
        assert len(failures) <= 2, (
            "beside the row's partition only one that was still being saved may be lost"
        )
        assert here.outcome == expected(bad)

    @pytest.mark.parametrize("poison", ["!segv", "!exit 3"])
    def test_a_row_that_kills_its_worker_is_found_and_costs_one_row(
        self, job: Callable[..., Job], poison: str
    ) -> None:
        self._need_workers()
        here = job({50: poison})
        here.run()
        assert [dead_letter[:2] for dead_letter in here.outcome.dead_letters] == [("poison_mapper", 51)]

    def test_an_operator_that_hangs_is_ended_and_its_row_is_found(self, job: Callable[..., Job]) -> None:
        self._need_workers()
        here = job({50: "!sleep"}, **{"fault_tolerance.op_timeout_s": 0.5})
        here.run()
        assert [dead_letter[:2] for dead_letter in here.outcome.dead_letters] == [("poison_mapper", 51)]

    def test_a_row_that_needs_too_much_memory_costs_one_row(self, job: Callable[..., Job]) -> None:
        self._need_workers()
        here = job({50: "!eat 4"}, **{"fault_tolerance.worker_memory_mb": 700})
        here.run()
        assert [dead_letter[:2] for dead_letter in here.outcome.dead_letters] == [("poison_mapper", 51)]

    def _need_workers(self) -> None:
        if not self.has_workers:
            pytest.skip("the worker is the driver's own process")
