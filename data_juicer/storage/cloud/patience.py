"""Requests are repeated while that may help: with growing, random pauses that all threads of a process share."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from data_juicer.clock import Clock, SystemClock
from data_juicer.storage.cloud.bucket import TRANSIENT, UNDECIDED, UNHEARD, ConditionFailed, RequestFault

TRIES_MAX: Final = 12
"""Of one request; with the pauses below a store may be away for about a minute."""
TRIES_FIRST: Final = 8
"""Of a request to a store of which nothing was heard yet: about ten seconds, since its address may be wrong."""
PAUSE_S: Final = 0.1
"""Before the second try, at most; doubled with each further one."""
PAUSE_MAX_S: Final = 10.0

T = TypeVar("T")


class Patience:
    """Repeats requests to one store. A store that throttles one thread is left alone by all."""

    def __init__(
        self, clock: Clock | None = None, seed: int | None = None, tries_max: int = TRIES_MAX
    ) -> None:
        self._clock = clock or SystemClock()
        self._random = random.Random(seed)  # noqa: S311 - pauses are no secret
        self._tries_max = tries_max
        self._guard = threading.Lock()
        self._not_before_s = 0.0
        """Until then nobody sends a request, since the store asked for fewer."""
        self._is_heard = False
        """Whether the store has answered anything yet."""
        self.repeated = 0
        """Requests that were sent again."""
        self.throttled = 0
        """Of those, the ones that the store refused as too many."""

    def ask(self, request: Callable[[bool], T]) -> T:
        """The answer to a request.

        Args:
            request: sends it once; is told whether an earlier try may have had its effect although no answer came.
        Raises: RequestFault: it was refused, or not answered in all tries; and what `request` raises else.
        """
        is_undecided = False
        for number in range(1, self._tries_max + 1):
            self._wait_for_turn()
            try:
                answer = request(is_undecided)
            except RequestFault as fault:
                self._is_heard = self._is_heard or fault.kind not in UNHEARD
                tries_max = self._tries_max if self._is_heard else min(TRIES_FIRST, self._tries_max)
                if fault.kind not in TRANSIENT or number >= tries_max:
                    raise
                is_undecided = is_undecided or fault.kind in UNDECIDED
                self._pause(number, is_shared=fault.kind == "throttled")
            except (ConditionFailed, FileNotFoundError):
                self._is_heard = True
                raise
            else:
                self._is_heard = True
                return answer
        raise AssertionError("the last try returns or raises")

    def _wait_for_turn(self) -> None:
        with self._guard:
            wait_s = self._not_before_s - self._clock.monotonic_s()
            if wait_s > 0:  # those who waited do not all come back at once
                wait_s += self._random.uniform(0, PAUSE_S)
        if wait_s > 0:
            self._clock.sleep_s(wait_s)

    def _pause(self, number: int, *, is_shared: bool) -> None:
        with self._guard:
            self.repeated += 1
            pause_s = self._random.uniform(0.5, 1.0) * min(PAUSE_MAX_S, PAUSE_S * 2 ** (number - 1))
            if is_shared:
                self.throttled += 1
                self._not_before_s = max(self._not_before_s, self._clock.monotonic_s() + pause_s)
        if not is_shared:
            self._clock.sleep_s(pause_s)
