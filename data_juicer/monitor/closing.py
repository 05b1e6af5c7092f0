"""The end of a run for a person: what each operator did, where everything is, how to go on."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Final, TextIO

from data_juicer.monitor.facts import Fact, OperatorLine
from data_juicer.monitor.streams import columns_of, write_lines
from data_juicer.monitor.table import format_table
from data_juicer.printable import printable

_PROSE_MIN: Final = 30
COLOURS: Final = {"completed": 32, "running": 36, "failed": 31, "stopped": 33, "interrupted": 33}
"""ANSI codes of the status; the only colour here, and on terminals alone."""


def print_closing(stream: TextIO, operators: Sequence[OperatorLine], facts: Sequence[Fact]) -> None:
    """The table, then a line a fact; lines with paths and commands are never broken, so that they can be copied."""
    lines = [""]
    if operators:
        lines += [*operator_table(operators, columns_of(stream)), ""]
    write_lines(stream, [*lines, *format_facts(facts, columns_of(stream))], COLOURS)


def format_facts(facts: Sequence[Fact], columns: int | None = None) -> list[str]:
    """Name in front, text after it; prose is broken where it does not fit into so many columns."""
    width = max(len(fact.name) for fact in facts)
    lines = []
    for fact in facts:
        line = f"{fact.name:<{width}}  {fact.text}"
        if not fact.is_prose or columns is None or len(line) <= columns:
            lines.append(line)
            continue
        room = max(_PROSE_MIN, columns - width - 2)
        first, *more = textwrap.wrap(printable(fact.text), room, break_on_hyphens=False) or [""]
        lines.append(f"{fact.name:<{width}}  {first}")
        lines += [f"{'':<{width}}  {text}" for text in more]
    return lines


_COUNTS: Final[tuple[tuple[str, Callable[[OperatorLine], int]], ...]] = (
    ("rows in", lambda line: line.rows_in),
    ("generated", lambda line: line.rows_generated),
    ("rows out", lambda line: line.rows_out),
    ("filtered", lambda line: line.rows_filtered),
    ("duplicates", lambda line: line.rows_duplicate),
    ("grouped", lambda line: line.rows_grouped),
    ("null texts", lambda line: line.rows_null_text),
    ("dead", lambda line: line.rows_dead_letter),
)
"""Columns of rows. In + generated = out + filtered + duplicates + grouped + null texts + dead, in each line."""
_ALWAYS: Final = ("rows in", "rows out", "filtered")
"""Those that are shown although all are 0."""


def operator_table(operators: Sequence[OperatorLine], width: int) -> list[str]:
    """What became of the rows at each operator, seconds and speed; other columns only where there are such rows."""
    counts = [
        (title, count)
        for title, count in _COUNTS
        if title in _ALWAYS or any(count(line) for line in operators)
    ]
    titles = ["operator", *(title for title, _ in counts), "seconds", "MB/s"]
    rows = [
        [
            line.name,
            *(f"{count(line):,}" for _, count in counts),
            f"{line.duration_s:,.2f}",
            "" if line.mb_per_s is None else f"{line.mb_per_s:,.1f}",
        ]
        for line in operators
    ]
    return format_table(titles, rows, width)
