"""CPU and memory of driver and workers, read from /proc; on a machine without it nothing is sampled."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from data_juicer.clock import Clock
from data_juicer.events.payloads import ProcessSample, ResourceSample
from data_juicer.events.types import ResourceUsage

SAMPLE_S: Final = 10.0
"""How often `sample_when_due` samples."""

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_UTIME, _STIME = 11, 12
"""Fields of /proc/PID/stat after the name of the command; proc(5)."""


class ResourceSampler:
    """Samples every SAMPLE_S; the share of a CPU is taken between two samples of a process."""

    def __init__(self, clock: Clock, driver_pid: int, proc: str = "/proc") -> None:
        self._clock = clock
        self._driver_pid = driver_pid
        self._proc = proc
        self._cpu_s: Mapping[int, float] = {}
        self._sampled_s = clock.monotonic_s()
        self._cpu_s = self._read_all([driver_pid])

    def sample_when_due(self, worker_pids: Sequence[int]) -> ResourceUsage | None:
        """A sample when one is due; None otherwise."""
        if self._clock.monotonic_s() - self._sampled_s < SAMPLE_S:
            return None
        return self.sample(worker_pids)

    def sample(self, worker_pids: Sequence[int]) -> ResourceUsage | None:
        """A sample now; None where no process could be read. Processes that have gone are left out."""
        now_s = self._clock.monotonic_s()
        passed_s = now_s - self._sampled_s
        pids = [self._driver_pid, *worker_pids]
        cpu_s = self._read_all(pids)
        samples = []
        for pid, used_s in cpu_s.items():
            memory_bytes = self._memory_bytes(pid)
            if memory_bytes is None:
                continue
            role: Literal["driver", "worker"] = "driver" if pid == self._driver_pid else "worker"
            spent_s = used_s - self._cpu_s.get(pid, 0.0)
            share = round(max(0.0, spent_s) / passed_s, 3) if passed_s > 0 else 0.0
            samples.append(ProcessSample(role=role, pid=pid, cpu_share=share, memory_bytes=memory_bytes))
        self._cpu_s, self._sampled_s = cpu_s, now_s
        return ResourceUsage(data=ResourceSample(processes=tuple(samples))) if samples else None

    def _read_all(self, pids: Sequence[int]) -> dict[int, float]:
        found = ((pid, self._cpu_seconds(pid)) for pid in pids)
        return {pid: cpu_s for pid, cpu_s in found if cpu_s is not None}

    def _cpu_seconds(self, pid: int) -> float | None:
        stat = self._read(pid, "stat")
        if stat is None:
            return None
        fields = stat.rpartition(b")")[
            2
        ].split()  # the name of the command may hold anything, parentheses too
        return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS_PER_S

    def _memory_bytes(self, pid: int) -> int | None:
        statm = self._read(pid, "statm")
        return int(statm.split()[1]) * _PAGE_BYTES if statm else None

    def _read(self, pid: int, name: str) -> bytes | None:
        try:
            with open(f"{self._proc}/{pid}/{name}", "rb") as stream:
                return stream.read()
        except OSError:
            return None
