"""dj-jobs partitions."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.clock import SystemClock
from data_juicer.job.names import committed_results
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.partition_times import (
    PartitionTimes,
    Skew,
    end_run,
    fold_partitions,
    mark_done,
    skew_of,
)
from data_juicer.monitor.progress import format_duration
from data_juicer.monitor.table import format_table

NAME: Final = "partitions"
HELP: Final = (
    "Show the states of the partitions of a job, how unequal their times are, and the slowest of them."
)


class PartitionLine(msgspec.Struct, frozen=True, kw_only=True):
    partition: int
    state: str
    attempts: int
    busy_s: float
    rows_in: int
    rows_out: int
    slowest_operator: str
    last_error: str


class PartitionsReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `--output json` gives: every partition that the event log mentions."""

    job_id: str
    states: dict[str, int]
    done_unmentioned: int
    """Those with a committed result that the event log does not mention."""
    not_begun: int
    skew: Skew
    partitions: tuple[PartitionLine, ...]
    """The slowest first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job, or the path of its folder")
    parser.add_argument(
        "--slowest", type=int, default=10, metavar="N", help="how many are listed (default: %(default)s)"
    )


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> None:
    job = JobHandle.open(arguments.work_dir, arguments.job)
    times = fold_partitions(job.events())
    done = committed_results(job.store.list(job.layout.results_dir))
    mark_done(times, done)
    if not job.is_alive(SystemClock().now()):
        end_run(times.values())
    done_before = len(done - times.keys())
    report = PartitionsReport(
        job_id=job.job_id,
        states=dict(Counter(each.state.value for each in times.values())),
        done_unmentioned=done_before,
        not_begun=max(0, job.view.partitions - len(times) - done_before),
        skew=skew_of(times.values()),
        partitions=tuple(sorted(map(_line, times, times.values()), key=lambda line: -line.busy_s)),
    )
    output.emit(report, lambda columns: _lines(report, arguments.slowest, columns))


def _line(partition: int, times: PartitionTimes) -> PartitionLine:
    return PartitionLine(
        partition=partition,
        state=times.state.value,
        attempts=times.attempts,
        busy_s=round(times.busy_s, 6),
        rows_in=times.rows_in,
        rows_out=times.rows_out,
        slowest_operator=times.slowest_operator,
        last_error=times.last_error,
    )


def _lines(report: PartitionsReport, slowest: int, columns: int) -> list[str]:
    states = [f"{count:,} {state}" for state, count in sorted(report.states.items())]
    if report.done_unmentioned:
        states.append(f"{report.done_unmentioned:,} done that the log does not mention")
    if report.not_begun:
        states.append(f"{report.not_begun:,} not begun")
    skew = report.skew
    lines = [f"partitions  {', '.join(states) or 'none has begun'}"]
    if not report.partitions:
        return lines
    times = (skew.median_s, skew.p95_s, skew.max_s)
    named_times = zip(("median", "95th percentile", "longest"), map(format_duration, times), strict=True)
    lines.append(f"times       {', '.join(f'{name} {value}' for name, value in named_times)}")
    rows = [
        [
            f"{line.partition} {line.state}, most in {line.slowest_operator or 'reading'}",
            str(line.attempts),
            f"{line.rows_in:,}",
            f"{line.rows_out:,}" if line.busy_s else "",  # a killed run did not say it
            format_duration(line.busy_s) if line.busy_s else "",
        ]
        for line in report.partitions[: max(0, slowest)]
    ]
    return [
        *lines,
        "",
        *format_table(["partition", "attempts", "rows in", "rows out", "took"], rows, columns),
    ]
