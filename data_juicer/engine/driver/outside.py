"""What happens outside a loop of tasks: the backend grows or shrinks, a store asks for fewer requests, somebody asks the run to
stop, time passes.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_juicer.clock import Clock
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.protocol.backend import Backend
from data_juicer.engine.run_context import RunContext
from data_juicer.engine.scheduling import events as e
from data_juicer.engine.scheduling.store_limit import StoreLimit

LOOK_S = 0.5
"""How often the time is a change, where stragglers are looked for."""


class Outside:
    def __init__(self, backend: Backend, context: RunContext, clock: Clock) -> None:
        self._backend = backend
        self._context = context
        self._clock = clock
        self._looked_at_s = 0.0
        self.speculates = False
        """Whether stragglers are looked for; set by the plan of the loop."""
        self._limit = StoreLimit()
        self.slots = 0
        """Of the backend, as the loop knows them: set by its plan, then by each change."""
        self.stopped_by: int | None = None
        """The signal that asked the run to stop; reported once."""

    def attempt_done(self, message: m.AttemptDone) -> None:
        """Take in whether a store asked the worker for fewer requests."""
        self._limit = self._limit.after(message.throttled, self._backend.slots)

    def changes(self) -> Iterator[e.SlotsChanged | e.StopAsked | e.TimePassed]:
        """What has changed since the last look."""
        slots = self._limit.slots(self._backend.slots)
        if self.slots != slots:
            self.slots = slots
            yield e.SlotsChanged(slots=self.slots)
        if self.stopped_by is None and (number := self._context.stop_signal()) is not None:
            self.stopped_by = number
            yield e.StopAsked()
        if self.speculates and (now_s := self._clock.monotonic_s()) - self._looked_at_s >= LOOK_S:
            self._looked_at_s = now_s
            yield e.TimePassed(at_s=now_s)
