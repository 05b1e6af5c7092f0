"""One run of the soak's job, to which something is done at a change of the disk, and which is killed some changes later.

python tests/soak/driver.py RECIPE [FAULT AT KILLED_AT]
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from data_juicer.cli import process
from data_juicer.storage import posix
from data_juicer.storage.os_errors import translate_os_errors


def full(path: str) -> None:
    refuse(path, errno.ENOSPC)


def broken(path: str) -> None:
    refuse(path, errno.EIO)


def refuse(path: str, number: int) -> None:
    with translate_os_errors("writing", path, 1):
        raise OSError(number, os.strerror(number), path)


def log_full(path: str) -> None:
    if "/event_logs/" in path:
        full(path)


def send(number: signal.Signals) -> Callable[[str], None]:
    return lambda _path: os.kill(os.getpid(), number)


ONCE: dict[str, Callable[[str], None]] = {
    "driver killed": send(signal.SIGKILL),
    "SIGTERM": send(signal.SIGTERM),
    "SIGINT": send(signal.SIGINT),
    "disk full": full,
    "disk broken": broken,
}
FROM_THEN_ON: dict[str, Callable[[str], None]] = {"disk stays full": full, "event log full": log_full}


class FaultyStore(posix.PosixStore):
    """The local one; `fault` is done before the `at`-th change, or before that and every later one."""

    changes = 0
    fault = ""
    fault_at = 0
    killed_at = 0
    """A run that goes on in spite of its fault ends here; 0: not."""

    def _count(self, path: str) -> None:
        FaultyStore.changes += 1
        if self.changes == self.killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.changes == self.fault_at and self.fault in ONCE:
            ONCE[self.fault](path)
        elif self.changes >= self.fault_at and self.fault in FROM_THEN_ON:
            FROM_THEN_ON[self.fault](path)

    def write(self, path: str, data: Any) -> None:
        self._count(path)
        super().write(path, data)

    def append(self, path: str, data: Any) -> None:
        self._count(path)
        super().append(path, data)

    def link(self, source: str, target: str) -> bool:
        self._count(target)
        return super().link(source, target)

    def replace(self, source: str, target: str) -> None:
        self._count(target)
        super().replace(source, target)

    def remove(self, path: str) -> None:
        self._count(path)
        super().remove(path)


if __name__ == "__main__":
    recipe, *disturbed = sys.argv[1:]
    if disturbed:
        FaultyStore.fault, at, killed_at = disturbed
        FaultyStore.fault_at, FaultyStore.killed_at = int(at), int(killed_at)
    posix.PosixStore = FaultyStore  # type: ignore[misc] # what the command line makes of it
    raise SystemExit(process.main(["--config", recipe]))
