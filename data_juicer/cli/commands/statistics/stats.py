"""dj-jobs stats."""

from __future__ import annotations

import argparse
from typing import Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.statistics.bounds import Bound, entries_of
from data_juicer.monitor.statistics.gather import read_stats
from data_juicer.monitor.statistics.report import FilterReport, StatReport, fold_stats
from data_juicer.monitor.table import format_table
from data_juicer.printable import printable

NAME: Final = "stats"
HELP: Final = "Show what each filter measured, with its bounds, and what other bounds would drop."

_BARS: Final = " ▏▎▍▌▋▊▉█"
_BAR_MAX: Final = 60
_LINES_MAX: Final = 20
"""Of a histogram; the bins of the report are joined by twos."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job")
    parser.add_argument("--op", metavar="NAME", help="show the filters of this name only")


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> None:
    job = JobHandle.open(arguments.work_dir, arguments.job)
    report = fold_stats(job.job_id, entries_of(job.summary.config), read_stats(job.store, job.layout))
    shown = tuple(each for each in report.filters if arguments.op in {None, each.operator_name})
    report = msgspec.structs.replace(report, filters=shown)
    output.emit(report, lambda columns: _lines(report.filters, columns))


def _lines(filters: tuple[FilterReport, ...], columns: int) -> list[str]:
    if not filters:
        return ["no statistics: no filter of this job has been through a partition yet"]
    lines: list[str] = []
    for each in filters:
        lines += [*([""] if lines else []), *_filter(each, columns)]
    return lines


def _filter(report: FilterReport, columns: int) -> list[str]:
    share = report.rows_dropped / max(1, report.rows_in)
    lines = [
        f"{report.operator_index + 1}. {report.operator_name}",
        f"   {report.rows_in:,} rows in, {report.rows_dropped:,} dropped ({share:.1%}){_sides(report)}",
    ]
    if report.partitions_unknown:
        have = "has" if report.partitions_unknown == 1 else "have"
        lines.append(
            f"   {report.partitions_unknown:,} of {report.partitions:,} partitions {have} no statistics"
        )
    for stat in report.stats:
        bound = report.bound if report.bound is not None and report.bound.stat == stat.name else None
        lines += ["", *(_numbers(stat, bound, columns) if stat.histogram else _words(stat, columns))]
    return lines


def _sides(report: FilterReport) -> str:
    if report.bound is None or report.rows_below is None or report.rows_above is None:
        return ""
    sides = [
        f"{rows:,} {word} {number(limit)}"
        for rows, word, limit in (
            (report.rows_below, "below", report.bound.low),
            (report.rows_above, "above", report.bound.high),
        )
        if limit is not None
    ]
    return f": {', '.join(sides)}" if sides else ""


def _numbers(stat: StatReport, bound: Bound | None, columns: int) -> list[str]:
    mean = "" if stat.mean is None else f", mean {number(stat.mean)}"
    error = f", percentiles within {stat.rank_error:.2%} of the rows" if stat.rank_error else ""
    missing = f", {stat.missing:,} without a value" if stat.missing else ""
    lines = [
        f"   {printable(stat.name)}: {number(stat.minimum or 0)} to {number(stat.maximum or 0)}{mean}{missing}{error}",
        "",
        *_histogram(stat, bound, columns),
        "",
    ]
    rows = [
        [
            f"   {each.share:.0%}",
            number(each.value),
            f"{each.rows_below:,}",
            f"{each.rows_above:,}",
        ]
        for each in stat.percentiles
    ]
    titles = ["   percentile", "value", "dropped by a minimum there", "by a maximum there"]
    return [*lines, *format_table(titles, rows, columns)]


def _histogram(stat: StatReport, bound: Bound | None, columns: int) -> list[str]:
    """A line a bin; the bounds are lines between them."""
    assert stat.histogram is not None  # noqa: S101 - the caller looked
    edges, counts = list(stat.histogram.edges), list(stat.histogram.counts)
    while len(counts) > _LINES_MAX:
        edges = [*edges[:-1:2], edges[-1]]
        counts = [sum(counts[start : start + 2]) for start in range(0, len(counts), 2)]
    labels = [number(edge) for edge in edges[:-1]]
    width = max(map(len, labels))
    digits = max(len(f"{count:,}") for count in counts)
    room = max(8, min(_BAR_MAX, columns - width - digits - 8))
    most = max(counts)
    lines = []
    low, high = (None, None) if bound is None else (bound.low, bound.high)
    for place, (label, count) in enumerate(zip(labels, counts, strict=True)):
        if low is not None and place == _bin_of(low, edges):
            lines.append(f"   {'':>{width}} ── minimum {number(low)} ──")
        lines.append(f"   {label:>{width}} {count:>{digits},}  {_bar(count / most, room)}".rstrip())
        if high is not None and place == _bin_of(high, edges):
            lines.append(f"   {'':>{width}} ── maximum {number(high)} ──")
    return lines


def _bin_of(limit: float, edges: list[float]) -> int:
    """The number of the bin that holds a bound; the first or the last one of a bound beyond them."""
    return max(0, sum(edge <= limit for edge in edges[:-1]) - 1)


def _bar(share: float, room: int) -> str:
    eighths = round(share * room * 8)
    return "█" * (eighths // 8) + (_BARS[eighths % 8] if eighths % 8 else "")


def _words(stat: StatReport, columns: int) -> list[str]:
    lines = [f"   {printable(stat.name)}: {stat.words_distinct:,} different values"]
    rows = [
        [f"   {each.value[:40]}", f"{each.rows:,}", f"{each.rows / stat.rows:.1%}"] for each in stat.words
    ]
    return [*lines, "", *format_table(["   value", "rows", "share"], rows, columns)] if rows else lines


def number(value: float) -> str:
    """A number for people: whole where it is, four digits otherwise."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
