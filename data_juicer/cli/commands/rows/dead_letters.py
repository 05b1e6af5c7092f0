"""dj-jobs dead-letters."""

from __future__ import annotations

import argparse
import shlex
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.monitor.handle import JobHandle
from data_juicer.printable import printable

if TYPE_CHECKING:
    from data_juicer.engine.output.dead_letters import DeadLetterGroup
    from data_juicer.store.dead_letters import DeadLetter

NAME: Final = "dead-letters"
HELP: Final = "Show the rows that could not be read or processed, by operator and error."
EXAMPLES: Final = 3
_INDENT: Final = " " * 9
_WIDTH_MIN: Final = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job, or the path of its folder")
    parser.add_argument(
        "--examples",
        type=int,
        default=EXAMPLES,
        metavar="N",
        help="rows to show of each kind (default: %(default)s)",
    )


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `--output json` gives."""

    job_id: str
    rows: int
    dead_letter_dir: str
    groups: tuple[DeadLetterGroup, ...]


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> None:
    from data_juicer.engine.output.dead_letters import committed_dead_letters, group_letters

    job = JobHandle.open(arguments.work_dir, arguments.job)
    dead_letters = committed_dead_letters(job.store, job.layout)
    groups = group_letters(dead_letters, max(0, arguments.examples))
    report = Report(
        job_id=job.job_id,
        rows=len(dead_letters),
        dead_letter_dir=job.layout.dead_letter_dir,
        groups=tuple(groups),
    )

    def lines(width: int) -> list[str]:
        if not groups:
            return [f"{job.job_id} has no dead letters."]
        again = f"dj-jobs retry-dead-letters {shlex.quote(job.layout.job_dir)}"
        return [
            *letter_lines(groups, width),
            f"{'1 row' if len(dead_letters) == 1 else f'{len(dead_letters):,} rows'} in {job.layout.dead_letter_dir}",
            f"to run them again: {again}",
        ]

    output.emit(report, lines)


def letter_lines(groups: Sequence[DeadLetterGroup], width: int) -> list[str]:
    """A heading for each kind of error; of each example the whole error, and as much of the row as the screen is wide."""
    lines: list[str] = []
    for group in groups:
        lines.append(f"{group.rows:>7,}  {group.operator}: {group.error_type}")
        for dead_letter in group.examples:
            lines += textwrap.wrap(
                printable(_place(dead_letter)),
                max(width, _WIDTH_MIN),
                initial_indent=_INDENT,
                subsequent_indent=f"{_INDENT}  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
            lines.append(f"{_INDENT}  {_row(dead_letter)}"[:width])
        lines.append("")
    return lines


def _place(dead_letter: DeadLetter) -> str:
    return f"{dead_letter.named_place}{': ' if dead_letter.message else ''}{dead_letter.message}"


def _row(dead_letter: DeadLetter) -> str:
    """The row, printable and not longer than any screen."""
    return printable(dead_letter.raw[:500].decode(errors="replace"))
