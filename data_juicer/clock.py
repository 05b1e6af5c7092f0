"""The one place that reads time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final, Protocol

_ZONE_START: Final = -len("+00:00")


class Clock(Protocol):
    """Wall time for what people read, monotonic seconds for durations, waits."""

    def now(self) -> datetime: ...

    def monotonic_s(self) -> float: ...

    def sleep_s(self, seconds: float) -> None: ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()

    def sleep_s(self, seconds: float) -> None:
        time.sleep(seconds)


def parse_utc(text: str) -> datetime | None:
    """The moment that `format_utc` wrote; None for a text that is none, as a damaged document may hold."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def format_utc(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds, such as 2026-03-13T18:09:11.042000Z."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds")[:_ZONE_START] + "Z"
