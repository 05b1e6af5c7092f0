"""Events that a scheduler wants to be told after a delay."""

from __future__ import annotations

import heapq
import itertools

from data_juicer.clock import Clock
from data_juicer.engine.scheduling import events as e


class Alarms:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._set: list[tuple[float, int, e.DelayOver | e.DrainOver]] = []
        self._number = itertools.count()

    def set(self, order: e.WakeAfter) -> None:
        alarm = (self._clock.monotonic_s() + order.delay_s, next(self._number), order.event)
        heapq.heappush(self._set, alarm)

    def take_due(self) -> e.DelayOver | e.DrainOver | None:
        """The next event whose delay is over; None where there is none."""
        if self._set and self._set[0][0] <= self._clock.monotonic_s():
            return heapq.heappop(self._set)[2]
        return None

    def patience_s(self, turn_s: float) -> float:
        """How long may be waited for something else, at most `turn_s`."""
        if not self._set:
            return turn_s
        return max(0.0, min(turn_s, self._set[0][0] - self._clock.monotonic_s()))
