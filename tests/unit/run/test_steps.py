"""What the driver does by itself: the lock stays fresh meanwhile, and a stop is heard."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from data_juicer.backends.inline import InlineBackend
from data_juicer.config.schema import JobConfig
from data_juicer.errors import JobStoppedError
from data_juicer.job.lock import LEASE_S, find_owner
from data_juicer.run.job import run_job
from data_juicer.run.surroundings import Surroundings
from data_juicer.testing.clock import ManualClock
from data_juicer.testing.jobs import layout_of, recipe
from data_juicer.testing.locks import MemoryLock
from data_juicer.testing.memory_fs import MemoryFileSystem


def a_job(tmp_path: Path) -> JobConfig:
    data = tmp_path / "in.jsonl"
    data.write_text("".join(f'{{"text": "{n}"}}\n' for n in range(30)))
    return recipe("/work", [str(data)], ["whitespace_normalization_mapper"], {"partition.size": 10})


def test_a_scan_that_takes_longer_than_the_lease_does_not_lose_the_job(tmp_path: Path) -> None:
    config, fs, clock = a_job(tmp_path), MemoryFileSystem(), ManualClock()
    fs.make_dirs("/work")
    renewals = []

    def step(told: str) -> None:
        owner = find_owner(fs, layout_of(config))
        assert owner is not None
        renewals.append(owner.renewed)
        clock.advance(LEASE_S)

    around = Surroundings(
        fs=fs, clock=clock, backend=InlineBackend(fs, clock), step=step, advisory=MemoryLock(set())
    )
    run_job(config, around)
    assert len(renewals) >= 3
    assert len(set(renewals)) == len(renewals)


def test_a_stop_is_heard_while_results_of_earlier_runs_are_checked(tmp_path: Path) -> None:
    config, fs, clock = a_job(tmp_path), MemoryFileSystem(), ManualClock()
    fs.make_dirs("/work")
    told: list[str] = []

    def around(**more: object) -> Surroundings:
        return Surroundings(
            fs=fs,
            clock=clock,
            backend=InlineBackend(fs, clock),
            advisory=MemoryLock(set()),
            step=told.append,
            **more,  # type: ignore[arg-type]
        )

    run_job(config, around())
    fs.remove(layout_of(config).summary)
    told.clear()

    def stop_asked() -> int | None:
        return signal.SIGTERM if any("checking results" in line for line in told) else None

    with pytest.raises(JobStoppedError, match="SIGTERM"):
        run_job(config, around(stop_asked=stop_asked))
    assert told[-1] == "checking results of earlier runs: 0 of 3 partitions"


def test_a_stop_while_the_export_is_written_is_heard_and_the_next_run_writes_it(tmp_path: Path) -> None:
    config, fs, clock = a_job(tmp_path), MemoryFileSystem(), ManualClock()
    fs.make_dirs("/work")
    told: list[str] = []

    def stop_asked() -> int | None:
        return signal.SIGTERM if "writing the export: 33%" in told else None

    def around() -> Surroundings:
        return Surroundings(
            fs=fs,
            clock=clock,
            backend=InlineBackend(fs, clock),
            advisory=MemoryLock(set()),
            step=told.append,
            stop_asked=stop_asked,
        )

    with pytest.raises(JobStoppedError, match="SIGTERM"):
        run_job(config, around())
    assert not fs.exists(config.export_path)
    around_next = around()
    around_next.stop_asked = lambda: None
    run_job(config, around_next)
    assert len(fs.read(config.export_path).splitlines()) == 30
