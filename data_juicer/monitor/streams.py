"""The standard streams of a command, which decide nothing about its work, and the one way by which text gets there.

A reader may have gone, a disk may be full, a descriptor may be closed, an encoding may lack a letter: what cannot be
shown is dropped, and the work goes on.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TextIO, cast

from data_juicer.printable import printable

_DESCRIPTORS: Final = (0, 1, 2)
UNLIMITED: Final = 100_000
"""Columns of what is no screen."""
_ERRORS: Final = "data_juicer.backslash"
_PLAIN: Final = {"─": "-", "…": "...", "→": "->"}
"""What we draw with, for encodings that do not have it."""


class SurvivingStream(io.TextIOBase):
    """A text stream that drops what cannot be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.refusal: OSError | ValueError | None = None
        """Why something was dropped, the first time; None: all of it was written."""
        if isinstance(stream, io.TextIOWrapper):
            codecs.register_error(_ERRORS, _replace)
            with contextlib.suppress(OSError, ValueError):
                stream.reconfigure(errors=_ERRORS)

    @property
    def has_reader(self) -> bool:
        """False once a pipe's reader has gone."""
        return not (isinstance(self.refusal, OSError) and self.refusal.errno == errno.EPIPE)

    @property
    def encoding(self) -> str:  # type: ignore[override] # typeshed has an attribute here
        return self._stream.encoding or "utf-8"

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except (OSError, ValueError) as error:
            self._refuse(error)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._refuse(error)

    def isatty(self) -> bool:
        try:
            return self._stream.isatty()
        except (OSError, ValueError):
            return False

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    def finish(self) -> None:
        """Write what is buffered; what cannot be written must not come up again when the interpreter ends."""
        self.flush()
        if self.refusal is None:
            return
        with contextlib.suppress(OSError, ValueError):
            descriptor = os.open(os.devnull, os.O_WRONLY)
            os.dup2(descriptor, self._stream.fileno())
            os.close(descriptor)

    def _refuse(self, error: OSError | ValueError) -> None:
        if self.refusal is None:
            self.refusal = error


def _replace(error: UnicodeError) -> tuple[str, int]:
    """What an encoding does not have: our own signs as ASCII, other letters escaped."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    dead_letters = error.object[error.start : error.end]
    return "".join(
        _PLAIN.get(each, each.encode("ascii", "backslashreplace").decode()) for each in dead_letters
    ), error.end


def open_descriptors() -> None:
    """Open the null device in the place of each standard descriptor that is closed.

    Otherwise the next file that is opened, an event log say, would be standard error.
    """
    for number in _DESCRIPTORS:
        try:
            os.fstat(number)
        except OSError:
            flags = os.O_RDONLY if number == 0 else os.O_WRONLY
            opened = os.open(os.devnull, flags)  # the lowest free number: this one
            os.set_inheritable(opened, True)


@contextlib.contextmanager
def surviving_streams() -> Iterator[tuple[SurvivingStream, SurvivingStream]]:
    """`sys.stdout` and `sys.stderr` as streams that drop what cannot be written; afterwards they are as before."""
    open_descriptors()
    before = sys.stdout, sys.stderr
    out, err = (_surviving(stream, number) for stream, number in zip(before, _DESCRIPTORS[1:], strict=True))
    sys.stdout, sys.stderr = cast("TextIO", out), cast("TextIO", err)
    try:
        yield out, err
    finally:
        sys.stdout, sys.stderr = before
        out.finish()
        err.finish()


def _surviving(stream: TextIO | None, number: int) -> SurvivingStream:
    if stream is not None:
        return SurvivingStream(stream)
    closed = SurvivingStream(open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - as long as the process
    closed.refusal = OSError(errno.EBADF, os.strerror(errno.EBADF))
    return closed


def columns_of(stream: TextIO) -> int:
    """The width of a screen; of a file or a pipe one that cuts nothing, unless COLUMNS says otherwise."""
    if stream.isatty() or os.environ.get("COLUMNS"):
        import shutil  # it imports every compression

        return shutil.get_terminal_size().columns
    return UNLIMITED


def write_lines(stream: TextIO, lines: Iterable[str], colours: Mapping[str, int] | None = None) -> None:
    """Lines for people: one line each, whatever they hold, as `printable` has it.

    Args:
        colours: first word of a line -> ANSI colour of that word, on a terminal.
    """
    is_coloured = bool(colours) and stream.isatty()
    for line in lines:
        shown = printable(line)
        word = shown.partition(" ")[0]
        if is_coloured and colours and word in colours:
            shown = f"\x1b[1;{colours[word]}m{word}\x1b[0m{shown[len(word) :]}"
        stream.write(f"{shown}\n")
    stream.flush()
