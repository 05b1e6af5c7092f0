"""dj-jobs what-if."""

from __future__ import annotations

import argparse
import textwrap
from typing import Final

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.config.sources.operator_flags import read_parameter
from data_juicer.config.sources.plain import InvalidValueError
from data_juicer.errors import ConfigError
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.statistics.bounds import entries_of
from data_juicer.monitor.statistics.gather import read_stats
from data_juicer.monitor.statistics.row_flow import RowRange
from data_juicer.monitor.statistics.what_if import WhatIf, answer
from data_juicer.monitor.table import format_table

NAME: Final = "what-if"
HELP: Final = (
    "Tell what other bounds of filters would have kept, from the statistics of a job and without its data."
)
TAKES_PARAMETERS: Final = True
"""Options that name an operator and its parameter are given to `run` as `arguments.parameters`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job")
    parser.epilog = "Bounds are given as in a recipe's command line, after JOB: --words_num_filter.min_num 30"


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> None:
    changes = {}
    for path, words in arguments.parameters:
        if len(words) != 1:
            raise ConfigError(
                f"--{path}: one value is expected, not {len(words)}. JOB is given before the bounds"
            )
        try:
            changes[path] = read_parameter(words)
        except InvalidValueError as error:
            raise ConfigError(f"--{path}: {error}") from None
    if not changes:
        raise ConfigError("no bound is given, such as --words_num_filter.min_num 30")
    job = JobHandle.open(arguments.work_dir, arguments.job)
    found = answer(entries_of(job.summary.config), changes, read_stats(job.store, job.layout))
    output.emit(found, lambda columns: _lines(found, columns))


def _lines(found: WhatIf, columns: int) -> list[str]:
    lines = [
        f"{change.operator_name}.{change.parameter}: {_value(change.was)} -> {_value(change.then)}"
        for change in found.changes
    ]
    rows = [
        [
            f"{each.operator_name}{' *' if each.is_changed else ''}",
            f"{each.rows_out:,}",
            _rows_text(each.rows_out_then),
        ]
        for each in found.operators
    ]
    lines += ["", *format_table(["operator", "rows out", "would be"], rows, columns), ""]
    change = found.rows_out_then.estimate - found.rows_out
    verdict = "exactly" if found.is_exact else "about"
    lines.append(
        f"result: {found.rows_out:,} rows, would be {verdict} {found.rows_out_then.estimate:,} ({change:+,})"
    )
    if found.partitions_unfinished:
        through = found.partitions - found.partitions_unfinished
        lines.append(
            f"of {through:,} partitions; {found.partitions_unfinished:,} others are not through all operators yet"
        )
    if not found.is_exact:
        sure = "with 99 % confidence" if found.has_sketches else "for certain"
        lines.append(f"between {found.rows_out_then.low:,} and {found.rows_out_then.high:,} {sure}")
    for reason in found.reasons:
        lines += textwrap.wrap(f"an estimate because {reason}", columns, subsequent_indent="  ")
    return lines


def _rows_text(rows: RowRange) -> str:
    return f"{rows.estimate:,}" if rows.is_exact else f"~{rows.estimate:,} ({rows.low:,} to {rows.high:,})"


def _value(value: object) -> str:
    return "default" if value is None else str(value)
