"""Drivers and workers as processes: two drivers on one job, and workers whose driver is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_juicer.errors import JobLockedError
from data_juicer.job import summary as summaries
from data_juicer.job.lock import Driver, acquire
from data_juicer.testing.clock import ManualClock
from tests.faults.bench import STORE, Bench, poisoned
from tests.support.processes import alive, children

DRIVERS = 8
WORKERS_GONE_S = 5.0


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(home=tmp_path, backend="local")


def one_runs(bench: Bench) -> None:
    """Of drivers started at once one runs the job; the others are refused, or find it complete."""
    drivers = [bench.command() for _ in range(DRIVERS)]
    reported = [driver.communicate(timeout=120) for driver in drivers]
    codes = sorted(driver.returncode for driver in drivers)
    refused = [err for _, err in reported if "still runs" in err or "was faster" in err or "is held" in err]
    assert codes == [0] * (DRIVERS - len(refused)) + [1] * len(refused), reported
    # One that had looked before the first was done looks again once it has the lock.
    assert len(summaries.load(STORE, bench.layout).runs) == 1
    bench.assert_whole(dead=0)


@pytest.mark.timeout(120)
def test_of_eight_drivers_started_at_once_one_runs(bench: Bench) -> None:
    bench.settings["executor_type"] = "inline"
    one_runs(bench)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("round_", range(50))
def test_of_eight_drivers_started_at_once_one_runs_fifty_times(bench: Bench, round_: int) -> None:
    bench.settings["executor_type"] = "inline"
    one_runs(bench)


def test_the_commits_of_a_run_that_was_taken_over_are_refused(bench: Bench) -> None:
    """Its driver slept past its lease, as on a suspended machine, and another machine went on."""

    def take_over() -> None:
        STORE.put_if_absent(bench.layout.run_claim(2), b"{}")

    bench.watched.append(take_over)
    struck = bench.run(executor_type="inline")
    assert struck.code == JobLockedError.exit_code
    assert "run 2 took the job over" in struck.message
    results = [name for name in STORE.list(bench.layout.results_dir) if name.endswith(".json")]
    assert results == ["partition_000000.json"]


def test_a_job_whose_owner_is_dead_is_taken_over_at_once(bench: Bench) -> None:
    driver = bench.command()
    bench.wait_until_busy(driver)
    driver.kill()
    driver.communicate()
    lock = acquire(STORE, bench.layout, ManualClock(), Driver.here())
    assert lock.run == 2
    lock.release(0)
    assert bench.run().code == 0
    bench.assert_whole(dead=0)


@pytest.fixture
def stuck(bench: Bench, request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A driver with a worker that will never end what it does."""
    bench.rows = poisoned(119, request.param)
    bench.__post_init__()
    driver = bench.command()
    bench.wait_until_busy(driver, committed=4)
    pids = children(driver.pid)
    time.sleep(1.0)  # what is left is few rows, the last of which does not end
    yield driver, pids
    driver.kill()
    driver.communicate()
    for pid in filter(alive, pids):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("stuck", ["!sleep", "!spin"], indirect=True)
def test_workers_are_gone_soon_after_their_driver_was_killed_whatever_they_do(
    stuck: tuple[subprocess.Popen[str], list[int]],
) -> None:
    driver, pids = stuck
    assert pids
    driver.kill()
    until_s = time.monotonic() + WORKERS_GONE_S
    while any(map(alive, pids)) and time.monotonic() < until_s:
        time.sleep(0.05)
    assert not [pid for pid in pids if alive(pid)]


@pytest.mark.parametrize("stuck", ["!spin"], indirect=True)
def test_a_second_signal_leaves_at_once_though_an_operator_holds_its_worker(
    bench: Bench, stuck: tuple[subprocess.Popen[str], list[int]]
) -> None:
    driver, pids = stuck
    driver.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    driver.send_signal(signal.SIGTERM)
    _, reported = driver.communicate(timeout=30)
    assert driver.returncode == 128 + signal.SIGTERM
    assert "dj-process" in reported
    until_s = time.monotonic() + 10  # a process that is killed is gone a moment later
    while any(map(alive, pids)) and time.monotonic() < until_s:
        time.sleep(0.05)
    assert not [pid for pid in pids if alive(pid)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_is_in_order_after_drain_s_with_the_resume_command(
    bench: Bench, number: signal.Signals, code: int
) -> None:
    bench.rows = poisoned(119, "!sleep")
    bench.settings["fault_tolerance"] = {"drain_s": 0.5}
    bench.__post_init__()
    driver = bench.command()
    bench.wait_until_busy(driver)
    pids = children(driver.pid)
    driver.send_signal(number)
    stopped = bench.finish(driver)
    assert stopped.code == code
    assert f"by {number.name}. What was committed is safe." in stopped.message
    assert "PROCESSING_ERROR" in stopped.events
    assert "JOB_FAILED" not in stopped.events
    assert not [pid for pid in pids if alive(pid)]
