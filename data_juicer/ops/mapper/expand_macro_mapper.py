"""Macros of LaTeX documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import regex

from data_juicer.kernels.patterns.timed import LIMIT_S
from data_juicer.kernels.rows import containing, map_rows
from data_juicer.ops.base import TextMapper

if TYPE_CHECKING:
    import pyarrow as pa

_NEWCOMMAND: Final = regex.compile(r"\\newcommand\b\*?\{(\\[a-zA-Z0-9]+)\}\{(.*?)\}$", regex.MULTILINE)
_DEF: Final = regex.compile(r"\\def\s*(\\[a-zA-Z0-9]+)\s*\{(.*?)\}$", regex.MULTILINE)


class ExpandMacroMapper(TextMapper):
    r"""LaTeX macro expansion: replaces macros without arguments, defined by \newcommand or \def on one line, by their definition.

    Example: \def\R{real} \R. -> \def real{real} real.
    """

    name: ClassVar[str] = "expand_macro_mapper"

    def map_text(self, text: pa.Array) -> pa.Array:
        return map_rows(text, containing(text, r"\newcommand", r"\def"), _expand)


def _expand(text: str) -> str:
    macros = {
        match[1]: match[2]
        for pattern in (_NEWCOMMAND, _DEF)
        for match in pattern.finditer(text, timeout=LIMIT_S)
    }
    for name, value in macros.items():
        use = regex.compile(regex.escape(name) + "([^a-zA-Z0-9])")
        text = use.sub(lambda match, value=value: value + match[1], text, timeout=LIMIT_S)
    return text
