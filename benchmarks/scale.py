"""A million partitions on a thousand nodes: what the driver bears, simulated with a backend whose answers are written down.

python -m benchmarks.scale [--partitions N]

A thousand attempts are in flight, nobody computes, commits and events are real, and each request to the store takes 0, 5 or 50 ms.
Each case is a process of its own. docs/scale.md has what was measured, and what breaks first.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks import report
from benchmarks.bench import ROOT, Bench
from benchmarks.driver import JOB_ID, drive
from benchmarks.one_job import peak_bytes
from benchmarks.report import Measured
from data_juicer.job.layout import JobLayout
from data_juicer.plan.resume.damage import Damage
from data_juicer.plan.resume.results import ResultManifests
from data_juicer.storage.posix import PosixStore
from data_juicer.testing.delaying_store import DelayingStore

SLOTS: Final = 1000
LATENCIES_MS: Final = (0, 5, 50)
MILLION: Final = 1_000_000
MEMORY_FACTOR: Final = 4
"""How many times as many partitions the second case has, whose memory is compared with the first one's."""
PAGE: Final = 1000
"""Names that an object store gives for one request."""
READ_MAX: Final = 2000
"""Manifests that are read to see how fast a resume reads them."""


class CountingStore(DelayingStore):
    """Counts its requests, and those that the thread of the driver waits for."""

    def __init__(self, latency_s: float) -> None:
        super().__init__(PosixStore(), look_s=latency_s, change_s=latency_s, wait=self._wait_for)
        self.count = self.count_of_driver = 0
        self._driver = threading.get_ident()

    def _wait_for(self, seconds: float) -> None:
        self.count += 1
        self.count_of_driver += threading.get_ident() == self._driver
        if seconds:
            time.sleep(seconds)


def one(latency_ms: int, partitions: int, directory: str) -> dict[str, Any]:
    """One case, in this process."""
    store = CountingStore(latency_ms / 1000)
    cpu_s = time.process_time()
    wall_s = drive(store, directory, partitions, time.perf_counter, SLOTS)
    cpu_s = time.process_time() - cpu_s
    requests, by_driver, memory_bytes = store.count, store.count_of_driver, peak_bytes()
    layout = JobLayout.of(directory, JOB_ID)
    log = Path(layout.event_logs_dir)
    log_bytes = sum(file.stat().st_size for file in log.iterdir() if file.name.startswith("events.jsonl"))
    started_s = time.perf_counter()
    names = PosixStore().list(layout.results_dir)
    list_s = time.perf_counter() - started_s
    for name in names[READ_MAX:]:
        os.unlink(os.path.join(layout.results_dir, name))
    started_s = time.perf_counter()
    damaged: list[Damage] = []  # all are: the script names files that nobody wrote
    read = sum(1 for _ in ResultManifests(store, layout).read(damaged))
    read_s = time.perf_counter() - started_s
    return {
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "requests": requests,
        "requests_of_driver": by_driver,
        "memory_bytes": memory_bytes,
        "log_bytes": log_bytes,
        "names": len(names),
        "list_s": list_s,
        "read_a_second": (read + len(damaged)) / read_s,
    }


def measure(bench: Bench, partitions: int = 5000) -> list[Measured]:
    cases = {}
    for latency_ms in LATENCIES_MS:
        bench.say(f"{partitions:,} partitions, {latency_ms} ms")
        cases[latency_ms] = [_run(bench, latency_ms, partitions) for _ in range(bench.repetitions)]
    bench.say(f"{MEMORY_FACTOR * partitions:,} partitions, for the memory")
    large = _run(bench, 0, MEMORY_FACTOR * partitions)
    near = cases[0]
    rows = [row for latency_ms, found in cases.items() for row in _of_latency(latency_ms, found, partitions)]
    growth = (large["memory_bytes"] - near[0]["memory_bytes"]) / ((MEMORY_FACTOR - 1) * partitions)
    listed_s = MILLION * large["list_s"] / large["names"]
    return [
        *rows,
        _row("CPU of the driver a partition", [1e3 * each["cpu_s"] / partitions for each in near], "ms"),
        _row(
            "requests a partition",
            [each["requests"] / partitions for each in near],
            "",
            "a commit: is the lock ours, and the put",
        ),
        _row(
            "  of them in the driver's thread", [each["requests_of_driver"] / partitions for each in near], ""
        ),
        _row("memory of the driver", [near[0]["memory_bytes"] / 1e6], "MB", f"{partitions:,} partitions"),
        _row(
            "  more for each partition", [growth], "bytes", f"{growth * MILLION / 1e6:,.0f} MB for a million"
        ),
        _row(
            "event log a partition", [each["log_bytes"] / partitions for each in near], "bytes", "21 events"
        ),
        _row(
            "a million names listed, disk",
            [listed_s],
            "s",
            f"{MILLION // PAGE:,} requests of an object store",
        ),
    ]


def _of_latency(latency_ms: int, found: list[dict[str, Any]], partitions: int) -> list[Measured]:
    commits = [partitions / each["wall_s"] for each in found]
    reads = [each["read_a_second"] for each in found]
    return [
        _row(f"commits, {latency_ms} ms", commits, "/s", _a_million(commits)),
        _row(f"  manifests read by a resume, {latency_ms} ms", reads, "/s", _a_million(reads)),
    ]


def _a_million(speeds: list[float]) -> str:
    return f"a million: {MILLION / sorted(speeds)[len(speeds) // 2] / 60:,.0f} min"


def _row(what: str, values: list[float], unit: str, note: str = "") -> Measured:
    return Measured(what=what, values=values, unit=unit, note=note)


def _run(bench: Bench, latency_ms: int, partitions: int) -> dict[str, Any]:
    with bench.scratch() as directory:
        command = [sys.executable, "-m", "benchmarks.scale", "--one", str(latency_ms), str(directory)]
        done = subprocess.run(
            [*command, "--partitions", str(partitions)], cwd=ROOT, check=True, capture_output=True, text=True
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.splitlines()[0])
    parser.add_argument("--partitions", type=int, default=5000, help="partitions of each case (5000)")
    parser.add_argument("--repetitions", type=int, default=1, help="runs of each case (1)")
    parser.add_argument("--one", nargs=2, metavar=("MS", "DIRECTORY"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(int(asked.one[0]), asked.partitions, asked.one[1])))
        return
    facts = report.machine()
    shared_memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with TemporaryDirectory(prefix="dj_scale_", dir=shared_memory) as directory:
        bench = Bench(Path(directory), 0, asked.repetitions, lambda line: print(line, file=sys.stderr))
        rows = measure(bench, asked.partitions)
    report.save("scale", rows, facts)
    report.show(rows, facts)


if __name__ == "__main__":
    main()
