"""SIGINT, SIGTERM and SIGHUP: the first asks an open job to stop in order, the second leaves at once.

Nothing is lost either way. The handler raises nothing: it may have interrupted an import, or a library that answers
exceptions by itself. Before a job is open there is nothing to finish, so that the first signal leaves at once.
"""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType
from typing import Any, Final, Self

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STDERR: Final = 2
"""Written to without a buffer: a handler may have interrupted one that is being written."""


class StopSignals:
    """Handlers of this process for as long as the `with` block lasts; in the main thread only."""

    def __init__(self, program: str) -> None:
        self.parting = f"{program}: stopped by {{signal}}. What was committed is safe."
        """The last words of a process that leaves at once; `{signal}` is its name."""
        self._number: int | None = None
        self._is_noting = False
        self._before: dict[int, Any] = {}

    def note(self) -> None:
        """From now on the first signal is only noted; who calls this asks for it often, by `asked`."""
        self._is_noting = True

    def leave_at_once(self) -> None:
        """The end of `note`: nobody asks any more."""
        self._is_noting = False

    @property
    def is_asked(self) -> bool:
        return self._number is not None

    def asked(self) -> int | None:
        """The signal that asked to stop."""
        return self._number

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            # nohup: a job that must outlive its terminal does
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._is_noting and self._number is None:
            self._number = number
            return
        words = self.parting.replace("{signal}", signal.Signals(number).name)
        try:
            os.write(_STDERR, f"\n{words}\n".encode(errors="backslashreplace"))
        finally:
            os._exit(128 + number)
