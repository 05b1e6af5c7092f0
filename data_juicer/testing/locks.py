"""The lock of a machine that exists in a test only."""

from __future__ import annotations


class MemoryLock:
    """Locks that share `held` are on one machine; a new set is the machine after its power came back."""

    def __init__(self, held: set[str]) -> None:
        self._held = held
        self._path: str | None = None

    def acquire(self, path: str) -> bool:
        if path in self._held:
            return False
        self._held.add(path)
        self._path = path
        return True

    def release(self) -> None:
        if self._path is not None:
            self._held.discard(self._path)
            self._path = None
