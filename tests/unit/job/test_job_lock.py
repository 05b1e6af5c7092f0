import json
import multiprocessing
import os
import signal
import subprocess
import sys
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from data_juicer.clock import SystemClock
from data_juicer.errors import JobLockedError, StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.job.lock import LEASE_S, RENEWAL_S, Driver, Lock, acquire, find_owner, is_alive
from data_juicer.storage.file_lock import is_held
from data_juicer.storage.memory import MemoryLock
from data_juicer.storage.posix import PosixStore
from data_juicer.testing.clock import ManualClock

STORE = PosixStore()
HERE = Driver(host="here", pid=1)
THERE = Driver(host="there", pid=2)


@pytest.fixture
def layout(tmp_path: Path) -> JobLayout:
    return JobLayout.of(str(tmp_path), "J")


def test_a_second_driver_is_refused_with_who_holds_the_job(layout: JobLayout) -> None:
    clock = ManualClock()
    lock = acquire(STORE, layout, clock, HERE)
    clock.advance(RENEWAL_S)
    lock.renew(2400, 0)
    with pytest.raises(
        JobLockedError,
        match=r"run 1 \(pid 1 on here, since 2026-03-13T18:09:11.* 2,400 rows done at 2026-03-13T18:09:26",
    ):
        acquire(STORE, layout, clock, Driver(host="here", pid=3))


def test_drivers_of_one_machine_share_its_locks(layout: JobLayout) -> None:
    present: set[str] = set()
    first = acquire(STORE, layout, ManualClock(), HERE, MemoryLock(present))
    with pytest.raises(JobLockedError):
        acquire(STORE, layout, ManualClock(), HERE, MemoryLock(present))
    first.release(0)
    assert acquire(STORE, layout, ManualClock(), HERE, MemoryLock(present)).run == 2


def test_run_numbers_rise(layout: JobLayout) -> None:
    for run in (1, 2, 3):
        lock = acquire(STORE, layout, ManualClock(), HERE)
        assert lock.run == run
        lock.release(0)


def test_a_released_job_has_no_living_driver(layout: JobLayout) -> None:
    lock = acquire(STORE, layout, ManualClock(), HERE)
    owner = find_owner(STORE, layout)
    assert owner is not None
    assert is_alive(STORE, owner, ManualClock().now(), "here", layout.lock)
    lock.release(10)
    owner = find_owner(STORE, layout)
    assert owner is not None
    assert (owner.released, owner.rows_done) == (True, 10)
    assert not is_alive(STORE, owner, ManualClock().now(), "here", layout.lock)


def test_a_driver_elsewhere_is_respected_until_its_lease_is_over(layout: JobLayout) -> None:
    clock = ManualClock()
    first = acquire(STORE, layout, clock, HERE, MemoryLock(set()))
    clock.advance(LEASE_S)
    with pytest.raises(JobLockedError, match="was heard of at"):
        acquire(STORE, layout, clock, THERE, MemoryLock(set()))
    first.renew(5, 0)
    clock.advance(LEASE_S)
    with pytest.raises(JobLockedError):
        acquire(STORE, layout, clock, THERE, MemoryLock(set()))
    clock.advance(1)
    assert acquire(STORE, layout, clock, THERE, MemoryLock(set())).run == 2


def test_commits_of_an_older_run_are_refused(layout: JobLayout) -> None:
    clock = ManualClock()
    first = acquire(STORE, layout, clock, HERE, MemoryLock(set()))
    first.fence()
    clock.advance(LEASE_S + 1)
    second = acquire(STORE, layout, clock, THERE, MemoryLock(set()))
    second.fence()
    with pytest.raises(JobLockedError, match="run 2 took the job over"):
        first.fence()
    with pytest.raises(JobLockedError):
        first.renew(1, 0)
    first.release(1)
    owner = find_owner(STORE, layout)
    assert owner is not None
    assert (owner.run, owner.released) == (2, False)


def test_only_one_of_two_machines_takes_a_dead_lease_over(
    layout: JobLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    acquire(STORE, layout, clock, HERE, MemoryLock(set()))
    clock.advance(LEASE_S + 1)
    original = PosixStore.put_if_absent

    def overtaken(store: PosixStore, path: str, data: bytes) -> bool:
        monkeypatch.setattr(PosixStore, "put_if_absent", original)
        assert acquire(STORE, layout, clock, THERE, MemoryLock(set())).run == 2
        return original(store, path, data)

    monkeypatch.setattr(PosixStore, "put_if_absent", overtaken)
    with pytest.raises(JobLockedError, match="was faster"):
        acquire(STORE, layout, clock, Driver(host="third", pid=9), MemoryLock(set()))


def test_a_full_disk_does_not_keep_the_job_locked(layout: JobLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(store: PosixStore, path: str, data: bytes) -> None:
        raise StoreError(f"{path}: No space left on device.")

    lock = acquire(STORE, layout, ManualClock(), HERE)
    monkeypatch.setattr(PosixStore, "put", refuse)
    lock.release(10)
    assert acquire(STORE, layout, ManualClock(), HERE).run == 2


def test_a_damaged_claim_keeps_its_number_and_stops_nobody(layout: JobLayout) -> None:
    acquire(STORE, layout, ManualClock(), HERE).release(0)
    STORE.write(layout.run_claim(1), b"\0" * 40)
    assert acquire(STORE, layout, ManualClock(), HERE).run == 2


def test_a_claim_is_readable_json(layout: JobLayout) -> None:
    acquire(STORE, layout, ManualClock(), HERE)
    claim = json.loads(STORE.read(layout.run_claim(1)))
    assert (claim["run"], claim["host"], claim["format_version"]) == (1, "here", 2)


def test_a_refused_driver_leaves_nothing(layout: JobLayout) -> None:
    acquired = acquire(STORE, layout, ManualClock(), HERE)
    before = {path: path.stat().st_mtime_ns for path in Path(layout.job_dir).rglob("*")}
    with pytest.raises(JobLockedError):
        acquire(STORE, layout, ManualClock(), HERE)
    assert {path: path.stat().st_mtime_ns for path in Path(layout.job_dir).rglob("*")} == before
    acquired.release(0)


HOLDER = """
import sys
from data_juicer.clock import SystemClock
from data_juicer.job.layout import JobLayout
from data_juicer.job.lock import Driver, acquire
from data_juicer.storage.posix import PosixStore
lock = acquire(PosixStore(), JobLayout.of(sys.argv[1], "J"), SystemClock(), Driver(host="here", pid=77))
print("held", flush=True)
sys.stdin.read()
"""


def test_the_lock_of_a_killed_driver_is_taken_over_at_once(layout: JobLayout, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert is_held(layout.lock)
        with pytest.raises(JobLockedError, match="pid 77"):
            acquire(STORE, layout, SystemClock(), HERE)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert not is_held(layout.lock)
    assert acquire(STORE, layout, SystemClock(), HERE).run == 2


def _race(work_dir: str, gate: Barrier, done: Barrier, answer: Connection) -> None:
    gate.wait()
    lock: Lock | None = None
    try:
        lock = acquire(
            STORE, JobLayout.of(work_dir, "J"), SystemClock(), Driver(host="here", pid=os.getpid())
        )
        answer.send(lock.run)
    except JobLockedError:
        answer.send(0)
    done.wait()  # the winner holds on until everybody has tried


def _run_race(work_dir: str, drivers: int, rounds: int) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "data_juicer.job.lock"])
    for number in range(1, rounds + 1):
        gate, done = context.Barrier(drivers), context.Barrier(drivers)
        answers, processes = [], []
        for _ in range(drivers):
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_race, args=(work_dir, gate, done, sender))
            process.start()
            answers.append(receiver)
            processes.append(process)
        runs = sorted(receiver.recv() for receiver in answers)
        for process in processes:
            process.join()
        assert runs == [0] * (drivers - 1) + [number]


def test_of_drivers_started_at_once_exactly_one_wins(tmp_path: Path) -> None:
    _run_race(str(tmp_path), drivers=4, rounds=3)


@pytest.mark.slow
def test_of_eight_drivers_started_at_once_exactly_one_wins_fifty_times(tmp_path: Path) -> None:
    _run_race(str(tmp_path), drivers=8, rounds=50)
