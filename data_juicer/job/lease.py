"""The right to a job where no lock of this machine decides: the claim of the run, replaced by compare-and-swap.

The owner replaces its claim every RENEWAL_S. Whoever takes over replaces it first, as released, and only if it is the version
that was found: one of the two succeeds. Between two renewals the owner makes no request to know that it still is the owner:
the claim must be LEASE_S old, by the clock of the store, before another driver may touch it.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Final

from data_juicer.clock import Clock
from data_juicer.errors import StoreError
from data_juicer.storage.base import Store

RENEWAL_S: Final = 15.0
"""How often a driver renews its lease."""
LEASE_S: Final = 60.0
"""After this long without renewal a driver that cannot be asked counts as dead: three renewals may be lost."""
SURE_S: Final = LEASE_S / 2
"""For so long after a renewal nobody else can be the owner, even where clocks run unequally."""


class Lease:
    """A claim that this process wrote, and the version that it has."""

    def __init__(self, store: Store, path: str, clock: Clock) -> None:
        self._store = store
        self._path = path
        self._clock = clock
        self._version, self._data = "", b""
        self._sure_since = (clock.monotonic_s(), clock.now())

    def begin(self, data: bytes) -> bool:
        """Create the claim. False where somebody else has it. Raises: StoreError."""
        since = (self._clock.monotonic_s(), self._clock.now())
        return self._store.put_if_absent(self._path, data) and self._took(data, since)

    def renew(self, data: bytes) -> bool:
        """Replace the claim. False where somebody else did so before. Raises: StoreError."""
        since = (self._clock.monotonic_s(), self._clock.now())
        return self._store.put_if_unchanged(self._path, data, self._version) and self._took(data, since)

    def check_store(self) -> None:
        """Refuse a store that pays no heed to what a put demands: two drivers would both own a job there. Raises: StoreError."""
        another = re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), self._version)
        is_heedless = self._store.put_if_absent(self._path, self._data)
        if is_heedless or (
            another != self._version and self._store.put_if_unchanged(self._path, self._data, another)
        ):
            raise StoreError(
                f"{self._path}: this store replaces objects whatever a put demands (If-None-Match, If-Match).",
                "Two drivers could both own a job there. No row was processed; docs/storage.md says what a server must know.",
            )

    @property
    def is_sure(self) -> bool:
        """Whether the last renewal is so young that nobody can have taken over; both clocks are asked, since a suspended
        machine stops one of them.
        """
        monotonic_s, wall = self._sure_since
        passed_s = max(self._clock.monotonic_s() - monotonic_s, (self._clock.now() - wall).total_seconds())
        return passed_s < SURE_S

    def _took(self, data: bytes, since: tuple[float, datetime]) -> bool:
        """Learn the version of what was written. False where it was replaced at once."""
        try:
            with self._store.open_read(self._path) as reader:
                version, current = reader.stat().version, reader.read(0, len(data) + 1)
        except FileNotFoundError:
            return False
        if current != data:
            return False
        self._version, self._data, self._sure_since = version, data, since
        return True


def seal(store: Store, path: str, data: bytes, is_seen: Callable[[bytes], bool]) -> bool:
    """Replace the claim of a run that is taken for dead, so that it cannot be renewed. False where it was renewed meanwhile.

    Args:
        is_seen: whether a claim is the one that was found dead.
    """
    try:
        with store.open_read(path) as reader:
            stat = reader.stat()
            current = reader.read(0, stat.size_bytes)
    except FileNotFoundError:
        return False
    return is_seen(current) and store.put_if_unchanged(path, data, stat.version)


def age_s(store: Store, path: str) -> float:
    """How long ago a file was written, by the clock of the store alone. Raises: FileNotFoundError, StoreError."""
    probe = os.path.join(os.path.dirname(path), f".clock_{uuid.uuid4().hex}")
    store.put(probe, b"")
    now_ns = store.stat(probe).modified_ns
    store.remove(probe)
    return (now_ns - store.stat(path).modified_ns) / 1e9
