"""How many attempts may be under way while an object store asks for fewer requests. Pure.

Each worker waits by itself when its store throttles it (`storage/cloud/patience.py`), but a thousand workers that each wait a little still
ask for too much. So each attempt reports how often it was throttled, and the driver gives out fewer attempts at once: half as many
after a report, one more after each round without one, as congestion is avoided on networks.
"""

from __future__ import annotations

import msgspec


class StoreLimit(msgspec.Struct, frozen=True, kw_only=True):
    attempts: int | None = None
    """At most so many at once; None: as many as the backend takes."""
    ended: int = 0
    """Attempts that have ended since that was changed."""

    def slots(self, backend_slots: int) -> int:
        """How many attempts of a backend's slots are used."""
        return backend_slots if self.attempts is None else min(self.attempts, backend_slots)

    def after(self, throttled: int, backend_slots: int) -> StoreLimit:
        """An attempt has ended.

        Those that were under way when the limit was lowered report of what was before: for one round they lower it no further.

        Args:
            throttled: requests of the attempt that the store refused as too many.
        """
        now, ended = self.slots(backend_slots), self.ended + 1
        if throttled and (self.attempts is None or ended > 2 * now):
            return StoreLimit(attempts=max(1, now // 2))
        if self.attempts is None:
            return self
        if throttled or ended <= now:
            return StoreLimit(attempts=self.attempts, ended=ended)
        return StoreLimit(attempts=now + 1 if now + 1 < backend_slots else None)
