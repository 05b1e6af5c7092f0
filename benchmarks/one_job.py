"""A process that runs one job and prints what it took, as JSON. Started by `bench.run_job`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from data_juicer import api
from data_juicer.config.config import load_recipe
from data_juicer.engine.run_context import Observer, RunControl, WatchedJob
from data_juicer.errors import JobStoppedError
from data_juicer.events.view import JobView

LOOK_S = 0.1
COUNT_S = 0.5


def peak_bytes(pid: int | str = "self") -> int:
    """The largest resident set that a process had; 0 when it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def cpu_s_below(pid: int) -> dict[int, float]:
    """CPU seconds of every process that is below this one now."""
    parents, seconds = {}, {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{entry}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            parents[int(entry)] = int(words[1])
            seconds[int(entry)] = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    below, found = {pid}, {pid}
    while found := {child for child, parent in parents.items() if parent in found}:
        below |= found
    return {each: seconds[each] for each in below - {pid}}


class Watch(Observer):
    """Looks at the processes below now and then; keeps the view of the job."""

    def __init__(self) -> None:
        self.view = JobView()
        self.worker_peak_bytes = 0
        self.below_s: dict[int, float] = {}
        self._next_s = 0.0
        self._count_s = 0.0

    def job_opened(self, job: WatchedJob) -> None:
        self.view = job.view

    def heartbeat(self, activity: str) -> None:
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + LOOK_S
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="utf-8").split()
        self.worker_peak_bytes = max([self.worker_peak_bytes, *map(peak_bytes, children)])
        if now_s >= self._count_s:
            self._count_s = now_s + COUNT_S
            self.below_s |= cpu_s_below(os.getpid())


def stopper(watch: Watch, after: int | None) -> Callable[[], int | None]:
    """Asks to stop once so many partitions are done."""
    return lambda: signal.SIGTERM if after is not None and watch.view.partitions_done >= after else None


def main() -> None:
    order = json.load(sys.stdin)
    config = load_recipe(order["settings"], {}, {})
    watch = Watch()
    started_s, before = time.perf_counter(), os.times()
    with contextlib.suppress(JobStoppedError):
        control = RunControl(observers=(watch,), stop_signal=stopper(watch, order["stop_after"]))
        api.run_config(config, control)
    wall_s, after = time.perf_counter() - started_s, os.times()
    told = {
        "wall_s": wall_s,
        "driver_s": after.user + after.system - before.user - before.system,
        "workers_s": after.children_user + after.children_system,
        "below_s": sum(watch.below_s.values()),
        "partitions_done": watch.view.partitions_done,
        "driver_peak_bytes": peak_bytes(),
        "worker_peak_bytes": watch.worker_peak_bytes,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
