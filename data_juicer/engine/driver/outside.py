"""What happens outside a loop of tasks: the backend grows or shrinks, and somebody asks the run to stop."""

from __future__ import annotations

from collections.abc import Iterator

from data_juicer.engine.protocol.backend import Backend
from data_juicer.engine.run_context import RunContext
from data_juicer.engine.scheduling import events as e


class Outside:
    def __init__(self, backend: Backend, context: RunContext) -> None:
        self._backend = backend
        self._context = context
        self.slots = 0
        """Of the backend, as the loop knows them: set by its plan, then by each change."""
        self.stopped_by: int | None = None
        """The signal that asked the run to stop; reported once."""

    def changes(self) -> Iterator[e.SlotsChanged | e.StopAsked]:
        """What has changed since the last look."""
        if self.slots != self._backend.slots:
            self.slots = self._backend.slots
            yield e.SlotsChanged(slots=self.slots)
        if self.stopped_by is None and (number := self._context.stop_signal()) is not None:
            self.stopped_by = number
            yield e.StopAsked()
