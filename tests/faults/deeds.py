"""What can be done to a job: one value for a failure, and the code that causes it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from data_juicer.job.lock import Driver, acquire
from data_juicer.testing.clock import ManualClock
from tests.faults.bench import STORE, Bench
from tests.faults.disks import small_disk

BOTH = ("inline", "local")
LOCAL = ("local",)


Strike = Callable[[Bench], contextlib.AbstractContextManager[Callable[[], None]]]


@contextlib.contextmanager
def nothing(bench: Bench) -> Iterator[Callable[[], None]]:
    yield lambda: None


@dataclass(frozen=True)
class Fault:
    """One line of the table: what is done, and what has to come of it."""

    name: str
    code: int
    message: str = ""
    """Regular expression of the error; of a run that completes, of its dead letters or warnings."""
    backends: tuple[str, ...] = BOTH
    rows: dict[int, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    strike: Strike = nothing
    """Around the run; what it gives is called to mend things before the resume."""
    events: frozenset[str] = frozenset()
    dead: int = 0
    resume: dict[str, Any] = field(default_factory=dict)
    """Settings that are changed for the resume."""
    dead_after: int | None = None


def disk_full(name: str, setting: str, size_kb: int = 24) -> Strike:
    """One directory is on a disk without room, which is given room before the resume."""

    @contextlib.contextmanager
    def strike(bench: Bench) -> Iterator[Callable[[], None]]:
        disk = bench.home / name
        with small_disk(disk, size_kb) as remount:
            bench.settings[setting] = str(disk / "out.jsonl") if setting == "export_path" else str(disk)
            yield lambda: remount("size=10m")

    return strike


@contextlib.contextmanager
def disk_read_only(bench: Bench) -> Iterator[Callable[[], None]]:
    with small_disk(bench.home / "ro", 4096) as remount:
        bench.settings["work_dir"] = str(bench.home / "ro")
        remount("ro")
        yield lambda: remount("rw")


@contextlib.contextmanager
def results_vanish(bench: Bench) -> Iterator[Callable[[], None]]:
    bench.watched.append(lambda: os.rename(bench.layout.job_dir, bench.home / "gone"))
    yield lambda: None


@contextlib.contextmanager
def checkpoint_damaged(bench: Bench) -> Iterator[Callable[[], None]]:
    """After a run that was broken off, a byte of every checkpoint is another one."""
    broken = bench.run(fault_tolerance={"on_bad_row": "fail"})
    assert broken.code == 1
    for name in STORE.list(bench.layout.checkpoints_dir):
        path = os.path.join(bench.layout.checkpoints_dir, name)
        if name.endswith(".parquet"):
            data = bytearray(STORE.read(path))
            data[len(data) // 2] ^= 1
            STORE.write(path, bytes(data))
    yield lambda: None


@contextlib.contextmanager
def input_vanished(bench: Bench) -> Iterator[Callable[[], None]]:
    source = bench.home / "in.jsonl"
    source.rename(bench.home / "moved.jsonl")
    yield lambda: (bench.home / "moved.jsonl").rename(source) and None


@contextlib.contextmanager
def input_changes(bench: Bench) -> Iterator[Callable[[], None]]:
    source = bench.home / "in.jsonl"

    def change() -> None:
        changed = bench.home / "changed.jsonl"
        changed.write_bytes(source.read_bytes().replace(b"row  119", b"ROW  119"))
        changed.rename(source)  # at once: nobody reads half of it

    bench.watched.append(change)
    yield lambda: None


@contextlib.contextmanager
def another_driver(bench: Bench) -> Iterator[Callable[[], None]]:
    lock = acquire(STORE, bench.layout, ManualClock(), Driver(host="other-host", pid=4711))
    yield lambda: lock.release(0)
    lock.release(0)


def signalled(number: signal.Signals) -> Strike:
    """The driver is asked to stop once a partition is committed."""

    @contextlib.contextmanager
    def strike(bench: Bench) -> Iterator[Callable[[], None]]:
        bench.watched.append(lambda: os.kill(os.getpid(), number))
        yield lambda: None

    return strike


@contextlib.contextmanager
def driver_killed(bench: Bench) -> Iterator[Callable[[], None]]:
    """An earlier driver was killed in the middle, and its workers with it."""
    driver = bench.command()
    bench.wait_until_busy(driver)
    driver.kill()
    driver.communicate()
    yield lambda: None


@contextlib.contextmanager
def name_taken(bench: Bench) -> Iterator[Callable[[], None]]:
    os.makedirs(bench.layout.summary)
    yield lambda: os.rename(bench.layout.summary, f"{bench.layout.summary}.away")


@contextlib.contextmanager
def export_changed(bench: Bench) -> Iterator[Callable[[], None]]:
    """Of a job that is complete, a bit."""
    assert bench.run().code == 0
    path = bench.home / "out.jsonl"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    yield lambda: None


@contextlib.contextmanager
def input_changed(bench: Bench) -> Iterator[Callable[[], None]]:
    """Between two runs, one row."""
    assert bench.run().code == 0
    source = bench.home / "in.jsonl"
    source.write_bytes(source.read_bytes().replace(b"row  7 ", b"ROW  7 "))
    yield lambda: None
