"""dj-jobs compare."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.clock import SystemClock
from data_juicer.job.summary import JobCounts, JobSummary
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.progress import format_duration
from data_juicer.monitor.table import format_table
from data_juicer.monitor.views.compare import (
    OperatorPair,
    SettingDifference,
    operator_pairs,
    setting_differences,
)
from data_juicer.monitor.views.standing import Standing, standing_of
from data_juicer.portable import encode_json

if TYPE_CHECKING:
    from data_juicer.engine.replay.compare_rows import RowDifference

NAME: Final = "compare"
HELP: Final = (
    "Compare two jobs: settings, rows at each operator, times; with --rows the rows of their results."
)

_EXAMPLES: Final = 3
_VALUE_LENGTH_MAX: Final = 24


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What `--output json` gives."""

    a: str
    b: str
    standing_a: Standing
    standing_b: Standing
    settings: tuple[SettingDifference, ...]
    operators: tuple[OperatorPair, ...]
    rows: RowDifference | None
    """With `--rows`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="a job: its id, or the path of its folder")
    parser.add_argument("b", metavar="B", help="another one")
    parser.add_argument(
        "--rows", action="store_true", help="compare the rows of their results, in whatever order"
    )
    parser.add_argument(
        "--examples",
        type=int,
        default=_EXAMPLES,
        metavar="N",
        help="rows to show of each side (default: %(default)s)",
    )


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> None:
    a, b = (JobHandle.open(arguments.work_dir, name) for name in (arguments.a, arguments.b))
    comparison = Comparison(
        a=a.job_id if a.job_id != b.job_id else a.layout.job_dir,
        b=b.job_id if a.job_id != b.job_id else b.layout.job_dir,
        standing_a=_standing(a),
        standing_b=_standing(b),
        settings=tuple(setting_differences(a.summary, b.summary)),
        operators=tuple(operator_pairs(a.view, b.view)),
        rows=_rows(a, b, max(0, arguments.examples)) if arguments.rows else None,
    )
    output.emit(comparison, lambda columns: _lines(comparison, columns))


def _standing(job: JobHandle) -> Standing:
    now = SystemClock().now()
    return standing_of(job.summary, job.view, now, is_alive=job.is_alive(now))


def _rows(a: JobHandle, b: JobHandle, examples: int) -> RowDifference:
    """Raises: JobError: one of them has no result."""
    from data_juicer.api.rows_out import read_batches
    from data_juicer.engine.replay.compare_rows import compare_rows

    rows = _rows_out(a.summary) + _rows_out(b.summary)
    return compare_rows(
        lambda: read_batches(a.store, a.layout), lambda: read_batches(b.store, b.layout), rows, examples
    )


def _rows_out(summary: JobSummary) -> int:
    return summary.counts.rows_out


def _lines(comparison: Comparison, columns: int) -> list[str]:
    lines = [f"a  {comparison.a}", f"b  {comparison.b}", "", *_overview(comparison, columns)]
    if comparison.settings:
        rows = [[each.setting, _cut(each.a), _cut(each.b)] for each in comparison.settings]
        lines += ["", *format_table(["setting", "a", "b"], rows, columns)]
    else:
        lines += ["", "the settings are the same"]
    if comparison.operators:
        lines += ["", *_operators(comparison, columns)]
    return lines if comparison.rows is None else [*lines, "", *_difference(comparison.rows, columns)]


def _overview(comparison: Comparison, columns: int) -> list[str]:
    def cells(standing: Standing) -> list[str]:
        counts: JobCounts = standing.counts
        took = "" if standing.took_s is None else format_duration(standing.took_s)
        return [
            standing.status,
            f"{counts.rows:,}",
            f"{counts.rows_out:,}",
            f"{counts.rows_dead_letter:,}",
            took,
        ]

    titles = ["job", "status", "rows in", "rows out", "dead", "took"]
    rows = [["a", *cells(comparison.standing_a)], ["b", *cells(comparison.standing_b)]]
    return format_table(titles, rows, columns)


def _operators(comparison: Comparison, columns: int) -> list[str]:
    rows = []
    for pair in comparison.operators:
        out_a, out_b = (None if ledger is None else ledger.rows_out for ledger in (pair.a, pair.b))
        more = "" if out_a is None or out_b is None or out_a == out_b else f"{out_b - out_a:+,}"
        seconds = ["" if ledger is None else f"{ledger.duration_s:,.2f}" for ledger in (pair.a, pair.b)]
        rows.append(
            [pair.name, *("" if out is None else f"{out:,}" for out in (out_a, out_b)), more, *seconds]
        )
    return format_table(["operator", "rows out a", "b", "b - a", "seconds a", "b"], rows, columns)


def _difference(rows: RowDifference, columns: int) -> list[str]:
    if not rows.rows_only_a and not rows.rows_only_b:
        return [f"the results hold the same {rows.rows_both:,} rows"]
    lines = [
        f"rows in both {rows.rows_both:,}, only in a {rows.rows_only_a:,}, only in b {rows.rows_only_b:,}"
    ]
    for mark, examples in (("a", rows.examples_a), ("b", rows.examples_b)):
        for row in examples:
            text = f"only in {mark}: {encode_json(row).decode(errors='replace')}"
            lines.append(text if len(text) <= columns else f"{text[: columns - 1]}…")
    return lines


def _cut(text: str | None) -> str:
    shown = "-" if text is None else text
    return shown if len(shown) <= _VALUE_LENGTH_MAX else f"{shown[: _VALUE_LENGTH_MAX - 1]}…"
