"""Parts of texts that match a regular expression, replaced."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow.compute as pc
import regex

from data_juicer.kernels.patterns.portable import is_portable
from data_juicer.kernels.patterns.timed import LimitedPattern
from data_juicer.kernels.rows import map_part, map_rows, matching
from data_juicer.ops.base import TextMapper

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa


class ReplaceContentMapper(TextMapper):
    r"""Regular expression replacement: replaces every match; a dot matches line feeds as well.

    Example: with pattern colou?r and repl hue, `the colour` -> `the hue`

    Args:
        pattern: an expression of the `regex` module, or several, which are applied in order; one that is written as
            r'...' stands for what is inside the quotes.
        repl: what replaces each match, \1 being its first group; a list has one for each pattern.
    """

    name: ClassVar[str] = "replace_content_mapper"

    def __init__(self, pattern: str | list[str] | None = None, repl: str | list[str] = "") -> None:
        patterns = [pattern] if isinstance(pattern, str) else pattern or []
        self._steps = [
            _step(_unquoted(each), _replacement(repl, place)) for place, each in enumerate(patterns)
        ]

    def map_text(self, text: pa.Array) -> pa.Array:
        for step in self._steps:
            text = step(text)
        return text


def _unquoted(pattern: str) -> str:
    quoted = len(pattern) > 2 and (
        (pattern.startswith("r'") and pattern.endswith("'"))
        or (pattern.startswith('r"') and pattern.endswith('"'))
    )
    return pattern[2:-1] if quoted else pattern


def _replacement(repl: str | list[str], place: int) -> str:
    if isinstance(repl, str):
        return repl
    if place < len(repl):
        return repl[place]
    raise ValueError(f"repl has {len(repl)} values; pattern {place + 1} has none")


def _step(pattern: str, repl: str) -> Callable[[pa.Array], pa.Array]:
    """One replacement as a function of columns.

    Raises: ValueError: the pattern is no expression of the `regex` module.
    """
    try:
        compiled: Any = regex.compile(pattern, flags=regex.DOTALL)
        compiled.sub(repl, "")
    except (regex.error, IndexError) as error:
        raise ValueError(f"pattern {pattern!r}, repl {repl!r}: {error}") from error
    if is_portable(pattern) and "\\" not in repl:
        return partial(_replace_part, pattern=f"(?s){pattern}", repl=repl)
    return partial(_replace_rows, pattern=LimitedPattern(compiled), repl=repl)


def _replace_part(text: pa.Array, pattern: str, repl: str) -> pa.Array:
    return map_part(
        text, matching(text, pattern), lambda part: pc.replace_substring_regex(part, pattern, repl)
    )


def _replace_rows(text: pa.Array, pattern: LimitedPattern, repl: str) -> pa.Array:
    every = np.ones(len(text), np.bool_)
    return map_rows(text, every, lambda row: pattern.sub(repl, row))
