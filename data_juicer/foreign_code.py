"""Code that is not this package's, such as an operator of the user's: how it may end, and what its errors say."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Final, Self

_STDERR: Final = 2
_FORK_CAME_BACK: Final = (
    b"data_juicer: a process that an operator forked went on with the operator's caller; it was ended\n"
)


class ForeignExitError(Exception):
    """Code of others would have ended the process: by `sys.exit`, or by an error that is no `Exception`, as Rust's panics are."""


class Contained:
    """A `with` block in which code of others runs.

    What would end this process is an error like any other, and a process that the code forked does not come out of the block:
    it would go on with this one's work. What a person or an event loop asks for passes through.

    Raises: ForeignExitError: in place of `SystemExit` and of other errors that are no `Exception`.
    """

    __slots__ = ("_passing", "_pid")

    def __init__(self, *passing: type[BaseException]) -> None:
        """
        Args:
            passing: more errors that pass through.
        """
        self._passing: tuple[type[BaseException], ...] = (
            Exception,
            KeyboardInterrupt,
            GeneratorExit,
            *passing,
        )

    def __enter__(self) -> Self:
        self._pid = os.getpid()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if os.getpid() != self._pid:
            try:
                os.write(_STDERR, _FORK_CAME_BACK)
            finally:
                os._exit(1)
        if error is not None and not isinstance(error, self._passing):
            raise ForeignExitError(f"{type(error).__name__}: {error_text(error)}") from error


def error_text(error: BaseException) -> str:
    """What an error says; its class may be anybody's, and `str` of it may raise."""
    try:
        return str(error)
    except Exception as failure:  # whatever it is, the first error is the one to report
        return f"(no message: its __str__ raises {type(failure).__name__})"
