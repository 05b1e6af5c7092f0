"""Macros of LaTeX documents."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

import regex

from data_juicer.kernels.patterns.timed import LimitedPattern, limited
from data_juicer.kernels.rows import containing, map_rows
from data_juicer.ops.base import TextMapper

if TYPE_CHECKING:
    import pyarrow as pa

_NEWCOMMAND: Final = regex.compile(r"\\newcommand\b\*?\{(\\[a-zA-Z0-9]+)\}\{")
_DEF: Final = regex.compile(r"\\def\s*(\\[a-zA-Z0-9]+)\s*\{")


class ExpandMacroMapper(TextMapper):
    r"""LaTeX macro expansion: replaces macros without arguments, defined by \newcommand or \def on one line, by their definition.

    Example: \def\R{real} \R. -> \def real{real} real.
    """

    name: ClassVar[str] = "expand_macro_mapper"

    def map_text(self, text: pa.Array) -> pa.Array:
        return map_rows(text, containing(text, r"\newcommand", r"\def"), _expand)


def _expand(text: str) -> str:
    macros = {name: value for head in (_NEWCOMMAND, _DEF) for name, value in _definitions(text, head)}
    return limited(r"expanding \newcommand and \def", text, lambda limit_s: _replaced(text, macros, limit_s))


def _definitions(text: str, head: regex.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Name and value of each macro: a value ends with the brace at the end of its line. One pass over the text."""
    stop = line_end = -1
    for match in head.finditer(text):
        if match.start() < stop:  # within the value of the one before
            continue
        start = match.end()
        if line_end < start:
            line_end = text.find("\n", start)
            line_end = len(text) if line_end < 0 else line_end
        if start < line_end and text[line_end - 1] == "}":
            stop = line_end
            yield match[1], text[start : line_end - 1]


def _replaced(text: str, macros: Mapping[str, str], limit_s: float) -> str:
    """One macro after the other, each in what the ones before it left. Raises: TimeoutError."""
    stop_s = time.process_time() + limit_s
    for name, value in macros.items():
        if time.process_time() > stop_s:
            raise TimeoutError
        use = LimitedPattern(regex.compile(regex.escape(name) + "([^a-zA-Z0-9])"))
        text = use.sub(partial(_value_before, value), text)
    return text


def _value_before(value: str, match: regex.Match[str]) -> str:
    return f"{value}{match[1]}"
