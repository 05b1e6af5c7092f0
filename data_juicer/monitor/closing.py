"""The end of a run told to a person: what each operator did, where everything lies, how to go on."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Final, TextIO

from data_juicer.monitor.facts import Fact, OperatorLine
from data_juicer.monitor.streams import write_lines
from data_juicer.monitor.table import format_table

COLOURS: Final = {"completed": 32, "running": 36, "failed": 31, "stopped": 33, "interrupted": 33}
"""ANSI codes of the status; the only colour here, and on terminals alone."""


def print_closing(stream: TextIO, operators: Sequence[OperatorLine], facts: Sequence[Fact]) -> None:
    """The table, then a line a fact; lines with paths and commands are never broken, so that they can be copied."""
    lines = [""]
    if operators:
        lines += [*operator_table(operators, shutil.get_terminal_size().columns), ""]
    write_lines(stream, [*lines, *format_facts(facts)], COLOURS)


def format_facts(facts: Sequence[Fact]) -> list[str]:
    """Name in front, text after it."""
    width = max(len(fact.name) for fact in facts)
    return [f"{fact.name:<{width}}  {fact.text}" for fact in facts]


def operator_table(operators: Sequence[OperatorLine], width: int) -> list[str]:
    """Rows, seconds and speed of each operator; a column for dead letters only where there are some."""
    has_dead_letters = any(line.rows_dead_letter for line in operators)
    dead_title = ["dead"] if has_dead_letters else []
    titles = ["operator", "rows in", "rows out", "dropped", *dead_title, "seconds", "MB/s"]
    rows = [
        [
            line.name,
            f"{line.rows_in:,}",
            f"{line.rows_out:,}",
            f"{line.rows_dropped:,}",
            *([f"{line.rows_dead_letter:,}"] if has_dead_letters else []),
            f"{line.duration_s:,.2f}",
            "" if line.mb_per_s is None else f"{line.mb_per_s:,.1f}",
        ]
        for line in operators
    ]
    return format_table(titles, rows, width)
