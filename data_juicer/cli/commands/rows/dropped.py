"""dj-jobs dropped."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.streams import write_lines
from data_juicer.printable import printable

if TYPE_CHECKING:
    from data_juicer.engine.replay.dropped import DroppedRow
    from data_juicer.events.view import JobView

NAME: Final = "dropped"
HELP: Final = (
    "Show rows that filters and deduplicators dropped, with statistic and bound, or the row that stays."
)

_SAMPLE: Final = 5
_WIDTH_MIN: Final = 40
_INDENT: Final = "    "


class OperatorDrops(msgspec.Struct, frozen=True, kw_only=True):
    operator: str
    operator_index: int
    rows_in: int
    rows_dropped: int
    """Filtered, or removed as duplicates; as the ledger has them."""
    rows: tuple[DroppedRow, ...]


class DropReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `--output json` gives."""

    job_id: str
    operators: tuple[OperatorDrops, ...]
    partitions_unseen: dict[int, str]
    """Partitions that could not be looked at, and why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job, or the path of its folder")
    parser.add_argument(
        "--op", metavar="NAME", help="only of this operator: its name, or its number from 1 on"
    )
    parser.add_argument(
        "--sample",
        type=int,
        default=_SAMPLE,
        metavar="N",
        help="rows to show of each operator (default: %(default)s)",
    )
    parser.add_argument(
        "--all", action="store_true", help="every row, in the order of the input, as they are found"
    )
    parser.add_argument(
        "--run_custom",
        action="store_true",
        help="run operators of the job's own code to tell what they dropped",
    )


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> None:
    from data_juicer.engine.replay.dropped import DroppedRows, check_operator
    from data_juicer.engine.replay.replay import JobReplay

    job = JobHandle.open(arguments.work_dir, arguments.job)
    replay = JobReplay(job.store, job.layout, job.summary, run_custom=arguments.run_custom)
    only = None if arguments.op is None else check_operator(replay, arguments.op)
    seed = job.summary.config.get("seed")
    found = DroppedRows(job.store, job.layout, replay, seed if isinstance(seed, int) else 0)
    wanted = _wanted(job.view, only)
    if arguments.all:
        row = None
        for row in found.every(wanted):
            output.emit(row, partial(_row_lines, row, with_operator=True))
        if row is None:
            write_lines(sys.stderr, [_none_dropped(job.job_id)])
        return
    sampled = found.sample(wanted, max(0, arguments.sample))
    report = DropReport(
        job_id=job.job_id,
        operators=tuple(_operators(job.view, sampled, only)),
        partitions_unseen=found.unseen,
    )
    output.emit(report, lambda columns: _lines(report, columns))


def _wanted(view: JobView, only: int | None) -> Callable[[int, str], bool]:
    """Operators that dropped something, as far as the ledger knows."""

    def wanted(index: int, _: str) -> bool:
        ledger = view.operators.get(index)
        is_empty = ledger is not None and not (ledger.rows_filtered or ledger.rows_duplicate)
        return (only is None or index == only) and not is_empty

    return wanted


def _operators(
    view: JobView, sampled: dict[int, list[DroppedRow]], only: int | None
) -> Iterable[OperatorDrops]:
    for index, ledger in sorted(view.operators.items()):
        dropped = ledger.rows_filtered + ledger.rows_duplicate
        if index >= 0 and dropped and (only is None or index == only):
            yield OperatorDrops(
                operator=ledger.name,
                operator_index=index,
                rows_in=ledger.rows_in,
                rows_dropped=dropped,
                rows=tuple(sampled.get(index, ())),
            )


def _none_dropped(job_id: str) -> str:
    return f"{job_id}: no row was dropped."


def _lines(report: DropReport, columns: int) -> list[str]:
    if not report.operators:
        return [_none_dropped(report.job_id)]
    lines: list[str] = []
    for each in report.operators:
        share = each.rows_dropped / each.rows_in if each.rows_in else 0.0
        some = (
            f", {len(each.rows):,} of them:"
            if 0 < len(each.rows) < each.rows_dropped
            else ":"
            if each.rows
            else ""
        )
        lines.append(
            f"{each.operator} dropped {each.rows_dropped:,} of {each.rows_in:,} rows ({share:.1%}){some}"
        )
        for row in each.rows:
            lines += _row_lines(row, columns)
        lines.append("")
    if report.partitions_unseen:
        number, reason = next(iter(report.partitions_unseen.items()))
        count = len(report.partitions_unseen)
        which = f"partition {number}" if count == 1 else f"{count:,} partitions, such as {number},"
        lines += [*_wrapped(f"{which} could not be looked at: {reason}", columns, ""), ""]
    return lines[:-1]


def _row_lines(row: DroppedRow, columns: int, with_operator: bool = False) -> list[str]:
    """Place and reason, which may take several lines; then one line of the text."""
    source = row.source.rpartition("/")[2]
    place = f"{source}, {row.place}" if row.place else f"{source}, a row that an operator made"
    operator = f"{row.operator}: " if with_operator else ""
    first = f"{operator}{place}{': ' if row.why else ''}{row.why}"
    text = printable(row.text) if row.text.strip() else "(no text)"
    room = max(columns, _WIDTH_MIN) - len(_INDENT) - 2
    shown = text if len(text) <= room else f"{text[: room - 1]}…"
    return [*_wrapped(first, columns, "  "), f"{_INDENT}{shown}"]


def _wrapped(text: str, columns: int, indent: str) -> list[str]:
    return textwrap.wrap(
        printable(text),
        max(columns, _WIDTH_MIN),
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_on_hyphens=False,
        break_long_words=False,
    )
