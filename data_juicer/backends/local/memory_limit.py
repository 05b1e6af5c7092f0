"""A memory limit on this process, so that a row that needs 50 GB fails here instead of taking the machine."""

from __future__ import annotations

import re
import sys
from typing import Final

HEADROOM_MIN_MB: Final = 64
"""Between what a worker takes before its first row and the limit."""

_MB: Final = 1_000_000


def limit_memory(size_bytes_max: int) -> None:
    """Let this process grow to so many bytes of resident memory.

    What is limited is writable private memory (RLIMIT_DATA): mappings of files, of which Arrow and models make large ones
    that cost nothing, do not count. Memory that was reserved before and is not in use is added to the limit. An allocation
    beyond it raises MemoryError in Python, numpy and Arrow, and ends the process where Rust or C++ cannot raise.
    Exits: with one line, where there is no such limit, or the process is as large already.
    """
    if sys.platform != "linux":
        sys.exit("fault_tolerance.worker_memory_mb: only Linux can limit it; set 0.")
    import resource

    reserved, resident = data_and_resident_bytes()
    if resident + HEADROOM_MIN_MB * _MB > size_bytes_max:
        sys.exit(
            f"fault_tolerance.worker_memory_mb: {size_bytes_max // _MB} MB; a worker with these operators takes "
            f"{resident // _MB} MB before its first row. Set at least {resident // _MB + 2 * HEADROOM_MIN_MB}, or 0."
        )
    limit = reserved - resident + size_bytes_max
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def data_and_resident_bytes() -> tuple[int, int]:
    """Writable private memory, in use or not, and resident memory of this process."""
    with open("/proc/self/status") as file:
        status = file.read()
    data, resident = (re.search(rf"{name}:\s+(\d+) kB", status) for name in ("VmData", "VmRSS"))
    return (int(data[1]) * 1024 if data else 0), (int(resident[1]) * 1024 if resident else 0)
