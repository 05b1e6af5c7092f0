"""Which attempts take far longer than others of their kind, so that a copy of each is begun elsewhere. Pure.

An attempt is a straggler when it has run longer than `FACTOR` times the 95th percentile of its kind: the stages with the same
end that begin at the same operator. The first attempt of a worker, which also loads models, is compared with other first
attempts. An attempt that was handed to a worker and not begun is noticed by what passed it: one that was submitted later has
begun, or nothing of its segment runs at all. docs/design/0280-stragglers.md has the reasons.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from typing import Final

import msgspec

from data_juicer.plan.tasks import Task, TaskKey

FACTOR: Final = 3.0
PERCENTILE: Final = 0.95
SECONDS_MIN: Final = 2.0
"""A shorter attempt is no straggler: what a copy could save is less than what it costs."""
SAMPLES_MIN: Final = 3
"""Attempts of a kind that have ended before one is compared with them."""
SAMPLES_MAX: Final = 256
"""The newest ones count."""

_Kind = tuple[int, bool, int]
"""Where a stage ends, whether with a summary, and the operator that it begins with."""


class Straggler(msgspec.Struct, frozen=True, kw_only=True):
    task: TaskKey
    elapsed_s: float
    usual_s: float
    """The percentile that it was compared with."""


class StragglerWatch:
    """How long attempts take. Times are seconds of one clock that never goes back, given by whoever reads it."""

    def __init__(self) -> None:
        self._watched: dict[TaskKey, _Watched] = {}
        self._lines: dict[int, dict[TaskKey, _Watched]] = {}
        """Segment -> attempts that have not begun and that none passed, in the order of their submission."""
        self._begun: dict[int, int] = {}
        """Segment -> attempts that run."""
        self._idle_since_s: dict[int, float] = {}
        """Segment -> when its last attempt ended."""
        self._samples: dict[_Kind, _Samples] = {}
        self._first_samples: dict[_Kind, _Samples] = {}
        """The same of first attempts of workers."""
        self._warm: set[str] = set()
        """Workers that have ended an attempt."""
        self._slow_starts: int = 0
        """Workers that were given up in their first attempt; each doubles the time that the next ones have."""
        self._now_s = 0.0
        self._submissions = 0

    # ---- what happens

    def submit(self, task: Task) -> None:
        """An attempt of a stage is with the backend."""
        self._submissions += 1
        start = 0 if task.base is None else task.base + 1
        watched = _Watched(
            key=task.key,
            kind=(task.key.until, task.key.is_summary, start),
            segment=task.segment,
            number=self._submissions,
            waits_since_s=self._now_s,
        )
        self._watched[task.key] = watched
        self._lines.setdefault(task.segment, {})[task.key] = watched

    def begin(self, key: TaskKey, worker: str, now_s: float) -> None:
        """A worker has begun with it."""
        watched = self._watched.get(key)
        if watched is None or watched.began_s is not None:
            return
        self._now_s = max(self._now_s, now_s)
        watched.began_s, watched.worker = now_s, worker
        watched.is_first = worker not in self._warm
        self._begun[watched.segment] = self._begun.get(watched.segment, 0) + 1
        line = self._lines[watched.segment]
        line.pop(key, None)
        while line and (passed := next(iter(line.values()))).number < watched.number:
            passed.passed_s = now_s
            del line[passed.key]

    def end(self, key: TaskKey, duration_s: float | None = None) -> None:
        """It is with the backend no more. `duration_s`: what it took, where it came to its end."""
        watched = self._watched.pop(key, None)
        if watched is None:
            return
        self._lines[watched.segment].pop(key, None)
        if watched.began_s is None:
            return
        self._begun[watched.segment] -= 1
        self._idle_since_s[watched.segment] = self._now_s
        if duration_s is not None:
            samples = self._first_samples if watched.is_first else self._samples
            samples.setdefault(watched.kind, _Samples()).add(duration_s)
            self._warm.add(watched.worker)

    def give_up(self, key: TaskKey) -> None:
        """A copy was faster: its worker is ended."""
        watched = self._watched.get(key)
        if watched is not None and watched.is_first and watched.began_s is not None:
            self._slow_starts += 1
        self.end(key)

    # ---- what is to be seen

    def look(self, now_s: float) -> list[Straggler]:
        """The stragglers, the one that has taken longest first."""
        self._now_s = max(self._now_s, now_s)
        found = [found for watched in self._watched.values() if (found := self._judge(watched)) is not None]
        return sorted(found, key=lambda straggler: -straggler.elapsed_s)

    def _judge(self, watched: _Watched) -> Straggler | None:
        elapsed_s = self._now_s - self._since_s(watched)
        if elapsed_s <= SECONDS_MIN:
            return None
        usual_s = self._usual_s(watched.kind, is_first=watched.is_first)
        if usual_s is None or elapsed_s <= FACTOR * usual_s:
            return None
        return Straggler(task=watched.key, elapsed_s=elapsed_s, usual_s=usual_s)

    def _since_s(self, watched: _Watched) -> float:
        """Since when a worker should be at it; now where it may still wait for one."""
        if watched.began_s is not None:
            return watched.began_s
        if watched.passed_s is not None:
            return watched.passed_s
        if not self._begun.get(watched.segment):
            return max(watched.waits_since_s, self._idle_since_s.get(watched.segment, self._now_s))
        return self._now_s

    def _usual_s(self, kind: _Kind, *, is_first: bool) -> float | None:
        """What an attempt of the kind takes at most, as a rule; None where too few have ended to tell.

        Where those are too few, one that begins at an earlier operator and has the same end takes at least as long.
        """
        until, is_summary, start = kind
        for begin in range(start, -1, -1):
            usual_s = self._percentile_s((until, is_summary, begin), is_first=is_first)
            if usual_s is not None:
                return usual_s
        return None

    def _percentile_s(self, kind: _Kind, *, is_first: bool) -> float | None:
        warm, first = self._samples.get(kind, _NONE), self._first_samples.get(kind, _NONE)
        if not is_first:
            return warm.percentile_s if len(warm) >= SAMPLES_MIN else None
        if not len(first) or len(warm) + len(first) < SAMPLES_MIN:
            return None
        usual_s = max(warm.percentile_s, first.percentile_s)
        return float(usual_s * 2**self._slow_starts)


class _Watched(msgspec.Struct):
    """An attempt that is with the backend."""

    key: TaskKey
    kind: _Kind
    segment: int
    number: int
    """Its place in the order of submission."""
    waits_since_s: float
    passed_s: float | None = None
    """When an attempt that was submitted later began."""
    began_s: float | None = None
    worker: str = ""
    is_first: bool = False
    """Of its worker."""


class _Samples:
    """Durations in seconds, the newest `SAMPLES_MAX` of them."""

    def __init__(self) -> None:
        self._order: deque[float] = deque()
        self._sorted: list[float] = []

    def __len__(self) -> int:
        return len(self._order)

    def add(self, duration_s: float) -> None:
        self._order.append(duration_s)
        insort(self._sorted, duration_s)
        if len(self._order) > SAMPLES_MAX:
            del self._sorted[bisect_left(self._sorted, self._order.popleft())]

    @property
    def percentile_s(self) -> float:
        """The nearest rank; 0 where there is none."""
        if not self._sorted:
            return 0.0
        return self._sorted[max(0, -int(-PERCENTILE * len(self._sorted) // 1) - 1)]


_NONE: Final = _Samples()
"""Of a kind of which no attempt has ended."""
