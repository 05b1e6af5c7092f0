"""What an observer has to say about itself: reported as a warning of the job, but not while an event is being recorded."""

from __future__ import annotations

import sys

from data_juicer.engine.run_context import WatchedJob
from data_juicer.events import types as t
from data_juicer.monitor.streams import write_lines


class Troubles:
    """Each kind of trouble is reported once."""

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._known: set[str] = set()

    def add(self, kind: str, text: str) -> None:
        if kind not in self._known:
            self._known.add(kind)
            self._waiting.append(f"{kind}: {' '.join(text.split())} The job goes on.")

    def tell(self, job: WatchedJob | None) -> None:
        """Record what waits. Called between events: the log numbers one after the other."""
        while self._waiting and job is not None:
            job.log.record(t.WarningNotice(message=self._waiting.pop(0)))

    def close(self) -> None:
        """Say what came when the run was over, and its log with it."""
        write_lines(sys.stderr, [f"note: {text}" for text in self._waiting])
        self._waiting.clear()
