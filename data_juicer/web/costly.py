"""An answer that is dear to find: found again when what it is about has changed, but never so often that it is most of the work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from data_juicer.clock import Clock

REST: Final = 10
"""An answer that took a second is not looked for again within so many seconds."""

Answer = TypeVar("Answer")


class Costly(Generic[Answer]):
    """Any thread may ask; those who ask at once wait for one answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answer: Answer | None = None
        self._stage: object = None
        self._rests_until_s = 0.0

    def get(
        self, stage: object, clock: Clock, find: Callable[[], Answer], *, may_rest: bool = True
    ) -> Answer:
        """
        Args:
            stage: equal as long as the answer stays what it is.
            may_rest: False where no later stage will follow, so that this one has to be found.
        Raises: what `find` raises; nothing is kept then.
        """
        with self._lock:
            begun_s = clock.monotonic_s()
            is_new = self._answer is None or (
                stage != self._stage and (begun_s >= self._rests_until_s or not may_rest)
            )
            if self._answer is None or is_new:
                self._answer, self._stage = find(), stage
                ended_s = clock.monotonic_s()
                self._rests_until_s = ended_s + REST * (ended_s - begun_s)
            return self._answer
