"""dj-jobs retry-dead-letters."""

from __future__ import annotations

import argparse
import dataclasses
import os
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.cli.command import in_directory
from data_juicer.cli.commands.rows.dead_letters import EXAMPLES, letter_lines
from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.engine.run_context import Observer, RunControl, WatchedJob
from data_juicer.errors import ConfigError
from data_juicer.job.layout import JobLayout
from data_juicer.job.summary import JobSummary, split_command
from data_juicer.monitor.handle import JobHandle
from data_juicer.storage.base import Store
from data_juicer.storage.locations.uri import absolute

if TYPE_CHECKING:
    from data_juicer.config.schema import JobConfig
    from data_juicer.engine.output.dead_letters import DeadLetterGroup
    from data_juicer.store.dead_letters import DeadLetter

NAME: Final = "retry-dead-letters"
HELP: Final = "Run the dead letters of a job again with the current recipe, and write a result of their own."
RETRIED: Final = ".retried.jsonl"
_JOB_ID_LENGTH_MAX: Final = 128


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job, or the path of its folder")
    parser.add_argument(
        "--config", metavar="RECIPE", help="another recipe (default: that of the job, as it is now)"
    )


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `--output json` gives."""

    job_id: str
    retry_job_id: str | None = None
    rows: int = 0
    rows_out: int = 0
    rows_still_failing: int = 0
    export_path: str | None = None
    groups: tuple[DeadLetterGroup, ...] = ()


def run(arguments: argparse.Namespace, output: Output, signals: StopSignals) -> int:
    from data_juicer.engine.output.dead_letters import committed_dead_letters

    job = JobHandle.open(absolute(arguments.work_dir), arguments.job)
    store, layout, summary = job.store, job.layout, job.summary
    found = committed_dead_letters(store, layout)
    dead_letters = [dead_letter for dead_letter in found if _is_row(dead_letter)]
    if not dead_letters:
        which = " that are rows of its input" if found else ""
        output.emit(Report(job_id=job.job_id), lambda _: [f"{job.job_id} has no dead letters{which}."])
        return 0
    directory, given = split_command(summary.resume_command)
    if arguments.config is not None:
        directory, given = None, ["--config", arguments.config]
    with in_directory(directory):
        recipe = _current_recipe(summary, given)
        report = _run_again(
            store, layout, dead_letters, _retry_config(recipe, store, layout, dead_letters), signals
        )

    def lines(width: int) -> list[str]:
        return [
            *letter_lines(report.groups, width),
            (
                f"{report.rows:,} rows run again: {report.rows_still_failing:,} still fail, "
                f"{report.rows_out:,} are in the result"
            ),
            f"result: {report.export_path}",
            *_how_to_join(summary, report),
        ]

    output.emit(report, lines)
    return 0


def _is_row(dead_letter: DeadLetter) -> bool:
    """Whether it holds a row of the input, to be run again from the first operator on."""
    return bool(dead_letter.raw) and dead_letter.is_whole and not dead_letter.is_made


class _Opened(Observer):
    """From when the job is open, a signal stops it in order."""

    def __init__(self, signals: StopSignals) -> None:
        self._signals = signals

    def job_opened(self, job: WatchedJob) -> None:
        self._signals.note()


def _run_again(
    store: Store,
    layout: JobLayout,
    dead_letters: Sequence[DeadLetter],
    config: JobConfig,
    signals: StopSignals,
) -> Report:
    from data_juicer.api import run_config
    from data_juicer.engine.output.dead_letters import committed_dead_letters, group_letters

    control = RunControl(observers=(_Opened(signals),), stop_signal=signals.asked)
    summary = run_config(config, control).summary
    signals.leave_at_once()
    retried = JobLayout.found(summary.job_id, summary.directories["job"], summary.directories)
    failing = [_traced(dead_letter, dead_letters) for dead_letter in committed_dead_letters(store, retried)]
    return Report(
        job_id=layout.job_id,
        retry_job_id=summary.job_id,
        rows=len(dead_letters),
        rows_out=summary.counts.rows_out,
        rows_still_failing=len(failing),
        export_path=summary.export_path,
        groups=tuple(group_letters(failing, EXAMPLES)),
    )


def _current_recipe(summary: JobSummary, given: Sequence[str]) -> JobConfig:
    """The recipe as its file is now.

    Args:
        given: words of a command line.
    """
    from data_juicer.config.config import load_config

    try:
        return load_config(given, os.environ)
    except ConfigError as error:
        raise ConfigError(
            f"{error} (the recipe of {summary.job_id} as it is now; "
            "nothing was changed; another one can be named with --config)"
        ) from error


def _retry_config(
    recipe: JobConfig, store: Store, layout: JobLayout, dead_letters: Sequence[DeadLetter]
) -> JobConfig:
    """The recipe over the dead letters alone, as a job beside the one they come from."""
    work_dir = os.path.dirname(layout.job_dir)
    number = 1
    while store.exists(os.path.join(work_dir, _retry_id(layout.job_id, number))):
        number += 1
    input_path = os.path.join(layout.temp_dir, f"retry{number}.jsonl")
    store.make_own_dir(layout.temp_dir)
    store.stage(input_path, b"".join(dead_letter.raw + b"\n" for dead_letter in dead_letters))
    stem, _, _ = os.path.basename(recipe.export_path).partition(".")
    return dataclasses.replace(
        recipe,
        dataset=None,
        dataset_path=(input_path,),
        suffixes=(),
        export_path=os.path.join(os.path.dirname(absolute(recipe.export_path)), f"{stem}{RETRIED}"),
        export_type="jsonl",
        export_shard_size=0,
        work_dir=work_dir,
        job_id=_retry_id(layout.job_id, number),
        fault_tolerance=dataclasses.replace(
            recipe.fault_tolerance, max_dead_letter_ratio=1.0, on_bad_row="quarantine"
        ),
    )


def _retry_id(job_id: str, number: int) -> str:
    suffix = f".retry{number}"
    return job_id[: _JOB_ID_LENGTH_MAX - len(suffix)] + suffix


def _traced(dead_letter: DeadLetter, dead_letters: Sequence[DeadLetter]) -> DeadLetter:
    """A dead letter of the retry under the place that the row has in the input of the job."""
    origin = dead_letters[dead_letter.line - 1]
    return msgspec.structs.replace(
        dead_letter,
        partition=origin.partition,
        source=origin.source,
        line=origin.line,
        byte_offset=origin.byte_offset,
        source_row=origin.source_row,
        row_group=origin.row_group,
        row_in_group=origin.row_in_group,
    )


def _how_to_join(summary: JobSummary, report: Report) -> list[str]:
    if not (summary.export_path and report.export_path and summary.export_path.endswith(".jsonl")):
        return []
    both = f"{summary.export_path.removesuffix('.jsonl')}-with-retried.jsonl"
    paths = [shlex.quote(path) for path in (summary.export_path, report.export_path, both)]
    return ["both together: cat {} {} > {}".format(*paths)]
