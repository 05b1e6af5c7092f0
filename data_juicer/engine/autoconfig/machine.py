"""What this machine has for the workers of a job: free memory, within what a cgroup allows."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator
from typing import Final

from data_juicer.config.schema import JobConfig
from data_juicer.engine.autoconfig.choice import Machine
from data_juicer.engine.protocol.backend import Backend
from data_juicer.errors import StoreError
from data_juicer.storage.base import Store

_MB: Final = 1_000_000
_MEMINFO: Final = "/proc/meminfo"
_OWN_CGROUP: Final = "/proc/self/cgroup"
_CGROUPS: Final = "/sys/fs/cgroup"
_UNLIMITED: Final = 1 << 60
"""Limits from here on are none: version 1 writes a number close to 2^63."""


def look_at_machine(config: JobConfig, backend: Backend, store: Store) -> Machine:
    """Workers of a job, and the memory that is free for them: of a Ray cluster what its nodes offer, else of this machine."""
    offered = backend.memory_bytes()
    workers = max(1, backend.workers)
    candidates = [("", free_bytes(store)), *limits(store)] if offered is None else [("Ray cluster", offered)]
    worker_mb = config.fault_tolerance.worker_memory_mb
    if worker_mb:
        candidates.append(("fault_tolerance.worker_memory_mb", worker_mb * _MB * workers))
    known = [(size, name) for name, size in candidates if size is not None]
    if not known:
        return Machine(workers=workers)
    size, name = min(known)
    return Machine(workers=workers, memory_bytes=size, limit=name)


def free_bytes(store: Store) -> int | None:
    """Memory that programs can still take without any being moved to disk; None where the system does not tell."""
    found = re.search(r"MemAvailable:\s+(\d+) kB", _read(store, _MEMINFO))
    return int(found[1]) * 1024 if found else None


def limits(store: Store) -> Iterator[tuple[str, int]]:
    """What is left below the limit of each cgroup that this process is in, of version 2 and 1; caches of files can go."""
    for line in _read(store, _OWN_CGROUP).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            yield from _left(store, _CGROUPS, path, ("memory.max", "memory.current", "inactive_file"))
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            yield from _left(store, os.path.join(_CGROUPS, "memory"), path, names)


def _left(store: Store, root: str, path: str, names: tuple[str, str, str]) -> Iterator[tuple[str, int]]:
    """Of the process's group and those above it, as far as they are to be seen: within a container it is the root itself."""
    parts = path.strip("/").split("/") if path.strip("/") else []
    for depth in range(len(parts), -1, -1):
        folder = os.path.join(root, *parts[:depth])
        limit = _number(_read(store, os.path.join(folder, names[0])))
        used = _number(_read(store, os.path.join(folder, names[1])))
        if limit is None or used is None or limit >= _UNLIMITED:
            continue
        cache = re.search(
            rf"^{names[2]} (\d+)", _read(store, os.path.join(folder, "memory.stat")), re.MULTILINE
        )
        yield "limit of the cgroup", max(0, limit - used + (int(cache[1]) if cache else 0))


def _number(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() else None


def _read(store: Store, path: str) -> str:
    try:
        return store.read(path).decode(errors="replace")
    except (FileNotFoundError, StoreError, OSError):
        return ""
