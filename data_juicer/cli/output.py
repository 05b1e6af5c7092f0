"""Results of commands as text for people or JSON for programs, with one protocol."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from data_juicer.monitor.closing import COLOURS
from data_juicer.monitor.streams import columns_of, write_lines
from data_juicer.portable import encode_json
from data_juicer.printable import printable_json

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
        write_lines(sys.stdout, lines(columns_of(sys.stdout)), COLOURS)


class JsonOutput:
    def emit(self, document: msgspec.Struct, lines: Callable[[int], Sequence[str]]) -> None:
        encoded = msgspec.json.format(encode_json(document), indent=2)
        sys.stdout.write(printable_json(encoded.decode(), is_ascii=not _holds_unicode(sys.stdout.encoding)))


def _holds_unicode(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name.startswith("utf")
    except LookupError:
        return False


def output_of(form: Format) -> Output:
    return JsonOutput() if form == "json" else TextOutput()
