"""What the driver does by itself: the lock stays fresh meanwhile, and a stop is heard."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from data_juicer.backends.inline import InlineBackend
from data_juicer.config.schema import JobConfig
from data_juicer.engine.lifecycle.environment import RunEnvironment
from data_juicer.engine.run_context import TELL_S, Observer, RunControl, WatchedJob, never
from data_juicer.engine.run_job import run_job
from data_juicer.errors import JobLockedError, JobStoppedError
from data_juicer.job.lock import LEASE_S, find_owner
from data_juicer.storage.memory import MemoryLock, MemoryStore
from data_juicer.testing.clock import ManualClock
from data_juicer.testing.jobs import layout_of, memory_with_input, recipe


def a_job(tmp_path: Path) -> JobConfig:
    data = tmp_path / "in.jsonl"
    data.write_text("".join(f'{{"text": "{n}"}}\n' for n in range(30)))
    return recipe("/jobs", [str(data)], ["whitespace_normalization_mapper"], {"partition.size": 10})


@dataclass
class Listening(Observer):
    """Hears what the driver does by itself."""

    hear: Callable[[str], None]

    def heartbeat(self, activity: str) -> None:
        if activity:
            self.hear(activity)


def around(
    store: MemoryStore,
    clock: ManualClock,
    hear: Callable[[str], None],
    stop_signal: Callable[[], int | None] = never,
) -> RunEnvironment:
    return RunEnvironment(
        store=store,
        clock=clock,
        backend=InlineBackend(store, clock),
        control=RunControl(observers=(Listening(hear),), stop_signal=stop_signal),
        advisory=MemoryLock(set()),
    )


def test_a_scan_that_takes_longer_than_the_lease_does_not_lose_the_job(tmp_path: Path) -> None:
    config, clock = a_job(tmp_path), ManualClock()
    store = memory_with_input(config)
    store.make_dirs("/jobs")
    renewals = []

    def step(reported: str) -> None:
        owner = find_owner(store, layout_of(config))
        assert owner is not None
        renewals.append(owner.renewed)
        clock.advance(LEASE_S)

    run_job(config, around(store, clock, step))
    assert len(renewals) >= 3
    assert len(set(renewals)) == len(renewals)


def test_the_log_has_a_line_a_minute_that_says_how_far_the_run_is(tmp_path: Path) -> None:
    config, clock = a_job(tmp_path), ManualClock()
    store = memory_with_input(config)
    store.make_dirs("/jobs")
    run_job(config, around(store, clock, lambda _: clock.advance(TELL_S / 2)))
    lines = store.read(layout_of(config).events_log).decode().splitlines()
    reported = [line for line in lines if "reading the input" in line]
    seconds = clock.monotonic_s()
    assert 1 <= len(reported) <= seconds / TELL_S


def test_a_stop_is_heard_while_results_of_earlier_runs_are_checked(tmp_path: Path) -> None:
    config, clock = a_job(tmp_path), ManualClock()
    store = memory_with_input(config)
    store.make_dirs("/jobs")
    reported: list[str] = []

    run_job(config, around(store, clock, reported.append))
    store.remove(layout_of(config).summary)
    reported.clear()

    def stop_signal() -> int | None:
        return signal.SIGTERM if any("checking results" in line for line in reported) else None

    with pytest.raises(JobStoppedError, match="SIGTERM"):
        run_job(config, around(store, clock, reported.append, stop_signal=stop_signal))
    assert reported[-1] == "checking results of earlier runs: 0 of 3 partitions"


def test_a_stop_while_the_export_is_written_is_heard_and_the_next_run_writes_it(tmp_path: Path) -> None:
    config, clock = a_job(tmp_path), ManualClock()
    store = memory_with_input(config)
    store.make_dirs("/jobs")
    reported: list[str] = []

    def stop_signal() -> int | None:
        return signal.SIGTERM if "writing the export: 33%" in reported else None

    with pytest.raises(JobStoppedError, match="SIGTERM"):
        run_job(config, around(store, clock, reported.append, stop_signal=stop_signal))
    assert not store.exists(config.export_path)
    run_job(config, around(store, clock, reported.append))
    assert len(store.read(config.export_path).splitlines()) == 30


def test_a_stop_during_the_scan_ends_it_at_the_next_fragment(tmp_path: Path) -> None:
    config, clock = a_job(tmp_path), ManualClock()
    store = memory_with_input(config)
    store.make_dirs("/jobs")
    reported: list[str] = []

    with pytest.raises(JobStoppedError, match="SIGINT"):
        run_job(config, around(store, clock, reported.append, lambda: signal.SIGINT if reported else None))
    assert reported == ["reading the input: 10 rows, 0.0 GB"]


class ClosedBackend(InlineBackend):
    """Knows when it was closed, and what lay in the store then."""

    def __init__(self, store: MemoryStore, clock: ManualClock) -> None:
        super().__init__(store, clock)
        self.disk = store
        self.closed_with: list[set[str]] = []

    def close(self) -> None:
        super().close()
        self.closed_with.append(set(self.disk.contents()))


@pytest.mark.parametrize("strategy", ["every_op", "disabled"])
def test_the_backend_is_closed_once_and_before_orphan_files_are_removed(
    tmp_path: Path, strategy: str
) -> None:
    config, clock = a_job(tmp_path), ManualClock()
    store = memory_with_input(config)
    store.make_dirs("/jobs")
    backend, orphan = ClosedBackend(store, clock), layout_of(config).result_data(7, "r1a9", "jsonl")

    class LeavesAFile(Observer):
        def job_opened(self, job: WatchedJob) -> None:
            store.write(orphan, b"staged by a worker that was abandoned")

    run_job(
        config,
        RunEnvironment(
            store=store,
            clock=clock,
            backend=backend,
            control=RunControl(observers=(LeavesAFile(),)),
            advisory=MemoryLock(set()),
        ),
    )
    (at_close,) = backend.closed_with
    assert orphan in at_close
    assert not store.exists(orphan)


def test_the_backend_is_closed_where_nothing_is_left_to_do_and_where_the_job_is_another_drivers(
    tmp_path: Path,
) -> None:
    config, clock = a_job(tmp_path), ManualClock()
    store = memory_with_input(config)
    store.make_dirs("/jobs")
    first, second, third = (ClosedBackend(store, clock) for _ in range(3))
    run_job(config, RunEnvironment(store=store, clock=clock, backend=first, advisory=MemoryLock(set())))
    done = run_job(
        config, RunEnvironment(store=store, clock=clock, backend=second, advisory=MemoryLock(set()))
    )
    assert done.already_complete
    taken = MemoryLock({layout_of(config).lock})
    store.remove(layout_of(config).summary)
    with pytest.raises(JobLockedError):
        run_job(config, RunEnvironment(store=store, clock=clock, backend=third, advisory=taken))
    assert [len(backend.closed_with) for backend in (first, second, third)] == [1, 1, 1]


class SlowMachine(Observer):
    """Each look at the clock finds that ten seconds have passed; counts them once somebody asked to stop."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.looks = 0

    def heartbeat(self, activity: str) -> None:
        if not activity:
            self.looks += 1
            self.clock.advance(10.0)


def test_inline_an_attempt_is_abandoned_when_the_drain_is_over(tmp_path: Path) -> None:
    data = tmp_path / "in.jsonl"
    data.write_text("".join(f'{{"text": "{n}"}}\n' for n in range(1000)))
    settings = {
        "partition.size": 1000,
        "intermediate_storage.arrow_batch_size": 10,
        "fault_tolerance.drain_s": 50,
    }
    config = recipe("/jobs", [str(data)], ["whitespace_normalization_mapper", "clean_links_mapper"], settings)
    store, clock = memory_with_input(config), ManualClock()
    store.make_dirs("/jobs")
    machine = SlowMachine(clock)
    control = RunControl(
        observers=(machine,), stop_signal=lambda: signal.SIGTERM if machine.looks > 20 else None
    )
    environment = RunEnvironment(
        store=store,
        clock=clock,
        backend=InlineBackend(store, clock),
        control=control,
        advisory=MemoryLock(set()),
    )
    with pytest.raises(JobStoppedError, match="SIGTERM"):
        run_job(config, environment)
    assert machine.looks <= 20 + 50 / 10 + 3, "of 200 batches"
    resumed = run_job(config, around(store, clock, lambda _: None))
    assert resumed.summary.counts.rows_out == 1000
