"""events.log: what people read. Lines are made by loguru and appended through the storage seam."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from data_juicer.events.file import RotatingFile
from data_juicer.events.text import describe
from data_juicer.events.types import Level, Record
from data_juicer.printable import printable

if TYPE_CHECKING:
    from loguru import Logger

_FORMAT: Final = "{extra[ts]} | {level: <7} | run {extra[run]} | {message}"
_SEVERITY: Final[dict[Level, int]] = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}


class PeopleLog:
    """Buffers lines; a line costs some 40 us, so that only events of `level` and above become one."""

    def __init__(self, file: RotatingFile, level: Level) -> None:
        self._file = file
        self._severity = _SEVERITY[level]
        self._buffer: list[str] = []
        self._logger: Logger | None = None

    def cut(self) -> None:
        """Cut off a torn last line. Raises: StoreError."""
        self._file.cut(lambda _: True)

    def record(self, record: Record) -> None:
        level = record.event.level
        if _SEVERITY[level] < self._severity:
            return
        if self._logger is None:
            self._logger = _own_logger(self._buffer)
        sentence = printable(describe(record.event))
        self._logger.bind(ts=record.ts, run=record.run).log(level, sentence)

    def flush(self) -> None:
        """Raises: StoreError: the lines are lost."""
        lines = "".join(self._buffer).encode(errors="replace")
        self._buffer.clear()
        if lines:
            self._file.append(lines)


def _own_logger(lines: list[str]) -> Logger:
    """A logger that shares no handler with loguru's global one, which belongs to the application we run in."""
    from loguru import _logger as parts  # made as loguru makes its own: there is no public constructor

    untyped: Any = parts
    logger: Logger = untyped.Logger(untyped.Core(), None, 0, False, False, False, False, True, [], {})
    logger.add(
        lines.append, format=_FORMAT, level=0, colorize=False, backtrace=False, diagnose=False, catch=False
    )
    return logger
