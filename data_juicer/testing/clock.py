"""A clock that goes only when a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_START: Final = datetime(2026, 3, 13, 18, 9, 11, tzinfo=UTC)


class ManualClock:
    """Wall time and monotonic time move together, by `advance` alone."""

    def __init__(self, start: datetime = _START) -> None:
        self._start = start
        self._passed_s = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed_s)

    def monotonic_s(self) -> float:
        return self._passed_s

    def sleep_s(self, seconds: float) -> None:
        """Whoever waits sees the time pass."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass; `seconds` is not negative."""
        if seconds < 0:
            raise ValueError(f"time does not go back by {-seconds} s")
        self._passed_s += seconds
