"""dj-jobs explain."""

from __future__ import annotations

import argparse
import os
import textwrap
from typing import Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.errors import JobNotFoundError
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.table import format_table
from data_juicer.monitor.views.reuse import Cause, OperatorReuse, causes, format_cause, operator_reuse
from data_juicer.plan.resume.report import ResumeReport, decode_resume_report
from data_juicer.printable import printable
from data_juicer.storage.locations.uri import absolute

NAME: Final = "explain"
HELP: Final = (
    "Explain what a run of a job reuses, what it computes again, and why; of the newest run, or of a recipe."
)

_WIDTH_MIN: Final = 40


class Explanation(ResumeReport, frozen=True, kw_only=True):
    """What `--output json` gives: the report of the run, and what it comes to."""

    is_forecast: bool
    """Nothing was run: it is what a recipe would do."""
    unknown_sources: tuple[str, ...] = ()
    """Files that a run would read before it knows their partitions: they are new or changed, or cut in another way."""
    operator_reuse: tuple[OperatorReuse, ...]
    causes: tuple[Cause, ...]
    checkpoint_choices: tuple[str, ...] = ()
    """With the strategy auto: why checkpoints follow each operator or do not, in the order of the recipe."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job, or the path of its folder")
    parser.add_argument(
        "--config", metavar="RECIPE", help="explain what this recipe would reuse; nothing is run or changed"
    )


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> None:
    job = JobHandle.open(arguments.work_dir, arguments.job)
    if arguments.config is None:
        choices = job.view.checkpoint_choices
        explanation = msgspec.structs.replace(
            _explanation(_newest(job), is_forecast=False),
            checkpoint_choices=tuple(f"{index + 1:>2} {choices[index].text}" for index in sorted(choices)),
        )
    else:
        report, unknown = _forecast(job, arguments.config)
        explanation = _explanation(report, is_forecast=True, unknown=unknown)
    output.emit(explanation, lambda columns: _lines(explanation, columns))


def _newest(job: JobHandle) -> ResumeReport:
    path = job.layout.resume_report
    try:
        return decode_resume_report(job.store.read(path), path)
    except FileNotFoundError:
        raise JobNotFoundError(
            f"{job.job_id}: no run of it has been planned yet, there is nothing to explain."
        ) from None


def _forecast(job: JobHandle, recipe: str) -> tuple[ResumeReport, tuple[str, ...]]:
    """Raises: ConfigError, InputError: the recipe cannot be run."""
    from data_juicer.clock import SystemClock
    from data_juicer.config.config import load_recipe
    from data_juicer.engine.forecast.reuse import find_reuse
    from data_juicer.engine.lifecycle.wanted import find_wanted

    work_dir = os.path.dirname(absolute(job.layout.job_dir))
    overrides = {"job_id": job.job_id, "work_dir": work_dir, "resume": None, "new": False}
    config = load_recipe(recipe, overrides, os.environ)
    wanted = find_wanted(config, job.store, SystemClock())
    reuse = find_reuse(job.store, wanted)
    return reuse.report, tuple(source.path for source in reuse.unknown)


def _explanation(report: ResumeReport, *, is_forecast: bool, unknown: tuple[str, ...] = ()) -> Explanation:
    return Explanation(
        **msgspec.structs.asdict(report),
        is_forecast=is_forecast,
        unknown_sources=unknown,
        operator_reuse=tuple(operator_reuse(report)),
        causes=tuple(causes(report)),
    )


def _lines(explanation: Explanation, columns: int) -> list[str]:
    begun = len(explanation.continued)
    whole = explanation.partitions_done + explanation.partitions_pending
    lines = [
        f"run {explanation.run} would have {whole:,} partitions"
        if explanation.is_forecast
        else f"run {explanation.run}: {whole:,} partitions",
        *_counted(
            (
                explanation.partitions_done,
                "done: their results are those that this recipe gives of this input",
            ),
            (begun, "continued from a checkpoint"),
            (explanation.partitions_pending - begun, "computed from their source"),
        ),
    ]
    if explanation.unknown_sources:
        sources = explanation.unknown_sources
        more = f" and {len(sources) - 1:,} more" if len(sources) > 1 else ""
        lines.append(f"  not known: the partitions of {sources[0]}{more}, which would be read first")
    for cause in explanation.causes:
        lines += ["", *_wrapped(format_cause(cause, explanation.operators), columns)]
    for path, reason in explanation.damaged.items():
        lines.append(f"damaged{'' if explanation.is_forecast else ' and set aside'}: {path}: {reason}")
    if explanation.operator_reuse and begun | len(explanation.refused):
        rows = [
            [f"{number:>2} {each.name}", f"{each.partitions_reused:,}", f"{each.partitions_computed:,}"]
            for number, each in enumerate(explanation.operator_reuse, start=1)
        ]
        lines += ["", *format_table(["operator", "reused", "computed again"], rows, columns)]
    if explanation.checkpoint_choices:
        lines += ["", "checkpoints (checkpoint.strategy auto):"]
        for choice in explanation.checkpoint_choices:
            lines += _wrapped(choice, columns)
    return lines


def _counted(*counts: tuple[int, str]) -> list[str]:
    return [f"  {count:,} {text}" for count, text in counts if count]


def _wrapped(text: str, columns: int) -> list[str]:
    return textwrap.wrap(
        printable(text), max(columns, _WIDTH_MIN), subsequent_indent="  ", break_on_hyphens=False
    )
