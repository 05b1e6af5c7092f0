"""What the driver does by itself: the lock stays fresh meanwhile, and a stop is heard."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_juicer.backends.inline import InlineBackend
from data_juicer.config.schema import JobConfig
from data_juicer.engine.lifecycle.environment import RunEnvironment
from data_juicer.engine.run_job import run_job
from data_juicer.errors import JobStoppedError
from data_juicer.job.lock import LEASE_S, find_owner
from data_juicer.storage.memory import MemoryStore
from data_juicer.testing.clock import ManualClock
from data_juicer.testing.jobs import layout_of, recipe
from data_juicer.testing.locks import MemoryLock


def a_job(tmp_path: Path) -> JobConfig:
    data = tmp_path / "in.jsonl"
    data.write_text("".join(f'{{"text": "{n}"}}\n' for n in range(30)))
    return recipe("/jobs", [str(data)], ["whitespace_normalization_mapper"], {"partition.size": 10})


def around(
    store: MemoryStore, clock: ManualClock, step: Callable[[str], None], **more: Any
) -> RunEnvironment:
    return RunEnvironment(
        store=store,
        clock=clock,
        backend=InlineBackend(store, clock),
        step=step,
        advisory=MemoryLock(set()),
        **more,
    )


def test_a_scan_that_takes_longer_than_the_lease_does_not_lose_the_job(tmp_path: Path) -> None:
    config, store, clock = a_job(tmp_path), MemoryStore(), ManualClock()
    store.make_dirs("/jobs")
    renewals = []

    def step(told: str) -> None:
        owner = find_owner(store, layout_of(config))
        assert owner is not None
        renewals.append(owner.renewed)
        clock.advance(LEASE_S)

    run_job(config, around(store, clock, step))
    assert len(renewals) >= 3
    assert len(set(renewals)) == len(renewals)


def test_a_stop_is_heard_while_results_of_earlier_runs_are_checked(tmp_path: Path) -> None:
    config, store, clock = a_job(tmp_path), MemoryStore(), ManualClock()
    store.make_dirs("/jobs")
    told: list[str] = []

    run_job(config, around(store, clock, told.append))
    store.remove(layout_of(config).summary)
    told.clear()

    def stop_asked() -> int | None:
        return signal.SIGTERM if any("checking results" in line for line in told) else None

    with pytest.raises(JobStoppedError, match="SIGTERM"):
        run_job(config, around(store, clock, told.append, stop_asked=stop_asked))
    assert told[-1] == "checking results of earlier runs: 0 of 3 partitions"


def test_a_stop_while_the_export_is_written_is_heard_and_the_next_run_writes_it(tmp_path: Path) -> None:
    config, store, clock = a_job(tmp_path), MemoryStore(), ManualClock()
    store.make_dirs("/jobs")
    told: list[str] = []

    def stop_asked() -> int | None:
        return signal.SIGTERM if "writing the export: 33%" in told else None

    with pytest.raises(JobStoppedError, match="SIGTERM"):
        run_job(config, around(store, clock, told.append, stop_asked=stop_asked))
    assert not store.exists(config.export_path)
    run_job(config, around(store, clock, told.append))
    assert len(store.read(config.export_path).splitlines()) == 30
