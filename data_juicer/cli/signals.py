"""SIGINT and SIGTERM: the first asks the job to stop in order, the second leaves at once.

Nothing is lost either way. While nobody asks whether a signal came (settings are read, the input is scanned, nothing
is in work), the first one ends that step.
"""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType
from typing import Any, Final, Self

from data_juicer.errors import JobStoppedError

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_STDERR: Final = 2
"""Written to without a buffer: a handler may have interrupted one that is being written."""


class StopSignals:
    """Handlers of this process for as long as the `with` block lasts; in the main thread only."""

    def __init__(self) -> None:
        self.parting = "left at once"
        """The last words of a process that leaves at once."""
        self._number: int | None = None
        self._is_watched = False
        self._before: dict[int, Any] = {}

    @property
    def is_asked(self) -> bool:
        return self._number is not None

    def asked(self) -> int | None:
        """The signal that asked to stop. Who calls this once promises to call it again soon."""
        self._is_watched = True
        return self._number

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._number is not None:
            os.write(_STDERR, f"\n{self.parting}\n".encode())
            os._exit(128 + number)
        self._number = number
        if not self._is_watched:
            name = signal.Signals(number).name
            raise JobStoppedError(f"stopped by {name}. What was committed is safe.", number)
