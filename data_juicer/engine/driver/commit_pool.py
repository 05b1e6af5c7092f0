"""Threads that wait for the store while the driver goes on: several commits in flight, those of one task in order."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Generic, TypeVar

THREADS_MIN: Final = 4
"""At once on a fast disk; with more its journal merges no more."""
THREADS_MAX: Final = 128
SECONDS_A_THREAD: Final = 0.0005
"""One thread for so much of a commit's latency: 2,000 commits a second where the store takes as many as are asked of it."""


def threads_for(latency_s: float) -> int:
    """How many commits may be under way at once where the fastest of late took so long."""
    return max(THREADS_MIN, min(THREADS_MAX, int(latency_s / SECONDS_A_THREAD)))


Job = TypeVar("Job")
Done = TypeVar("Done")


class CommitPool(Generic[Job, Done]):
    """Applies a function to jobs, those with one lane one after the other, those of several lanes at once."""

    def __init__(self, work: Callable[[Job], Done]) -> None:
        """
        Args:
            work: is called in threads, and does not raise.
        """
        self._work = work
        self._outcomes: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._in_flight = 0
        self._guard = threading.Lock()
        self._lanes: dict[Hashable, deque[Job]] = {}
        """Lane -> jobs after the one that is under way or in the backlog."""
        self._backlog: deque[tuple[Hashable, Job]] = deque()
        self._active = 0
        self._fastest_s = 0.0
        self._threads: ThreadPoolExecutor | None = None

    @property
    def in_flight(self) -> int:
        """Jobs whose outcome was not taken yet."""
        return self._in_flight

    def submit(self, lane: Hashable, job: Job) -> None:
        """Begin it, or let it wait for its lane or for a thread."""
        self._in_flight += 1
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="commit")
        with self._guard:
            if lane in self._lanes:
                self._lanes[lane].append(job)
                return
            self._lanes[lane] = deque()
            self._backlog.append((lane, job))
            if self._active >= self._limit:
                return
            self._active += 1
        self._threads.submit(self._serve)

    def take(self, timeout_s: float = 0.0) -> Done | None:
        """The next outcome; None when there was none for this long."""
        try:
            outcome = self._outcomes.get(block=timeout_s > 0, timeout=timeout_s or None)
        except queue.Empty:
            return None
        self._in_flight -= 1
        return outcome

    def close(self) -> None:
        """Wait for what is under way; what was not begun is dropped."""
        with self._guard:
            self._backlog.clear()
            self._lanes = {}
        if self._threads is not None:
            self._threads.shutdown(wait=True)
            self._threads = None

    @property
    def _limit(self) -> int:
        return threads_for(self._fastest_s)

    def _serve(self) -> None:
        """One thread: job after job, until there is none or more threads run than the store's latency asks for."""
        while True:
            with self._guard:
                if not self._backlog or self._active > self._limit:
                    self._active -= 1
                    return
                lane, job = self._backlog.popleft()
            started_s = time.perf_counter()
            outcome = self._work(job)
            took_s = time.perf_counter() - started_s
            with self._guard:
                self._fastest_s = min(took_s, self._fastest_s * 1.02) if self._fastest_s else took_s
                waiting = self._lanes.get(lane)
                if waiting:
                    self._backlog.append((lane, waiting.popleft()))
                else:
                    self._lanes.pop(lane, None)
            self._outcomes.put(outcome)
