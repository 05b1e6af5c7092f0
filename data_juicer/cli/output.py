"""Results of commands as text for people or JSON for programs, behind one protocol."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

Format = Literal["text", "json"]


class Output(Protocol):
    """Where a command puts its result."""

    def emit(self, document: msgspec.Struct, lines: Callable[[int], Sequence[str]]) -> None:
        """
        Args:
            document: all of the result.
            lines: columns of the screen -> the result as people read it.
        """


class TextOutput:
    def emit(self, document: msgspec.Struct, lines: Callable[[int], Sequence[str]]) -> None:
        sys.stdout.write("".join(f"{line}\n" for line in lines(shutil.get_terminal_size().columns)))


class JsonOutput:
    def emit(self, document: msgspec.Struct, lines: Callable[[int], Sequence[str]]) -> None:
        encoded = msgspec.json.format(msgspec.json.encode(document), indent=2)
        sys.stdout.write(f"{encoded.decode()}\n")


def output_of(form: Format) -> Output:
    """The output of a form, on a stdout that replaces what its encoding cannot say instead of failing."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return JsonOutput() if form == "json" else TextOutput()
