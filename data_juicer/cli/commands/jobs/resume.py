"""dj-jobs resume."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any, Final

import msgspec

from data_juicer.cli.command import in_directory
from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.errors import ConfigError
from data_juicer.job.find import FoundJob
from data_juicer.job.summary import JobCounts, JobSummary, split_command
from data_juicer.monitor.handle import JobHandle
from data_juicer.storage.locations.uri import absolute

if TYPE_CHECKING:
    from data_juicer.config.schema import JobConfig

NAME: Final = "resume"
HELP: Final = "Go on with a job, from any folder, with the settings of its last run."


class ResumeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `--output json` gives when the run has ended."""

    job_id: str
    status: str
    reason: str | None
    runs: int
    counts: JobCounts
    export_path: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job, or the path of its folder")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SETTING=VALUE",
        help="change a setting, such as np=8; may be repeated",
    )


def run(arguments: argparse.Namespace, output: Output, signals: StopSignals) -> int:
    from data_juicer.cli.running import run_job

    job = JobHandle.open(absolute(arguments.work_dir), arguments.job)
    directory, _ = split_command(job.summary.resume_command)
    changed = [_word(text) for text in arguments.set]
    is_json, folder = arguments.output == "json", os.getcwd()
    with in_directory(directory):
        code = run_job(_config(job, changed), signals, closing_to_stderr=is_json, folder=folder)
    if is_json:
        ended = JobHandle.of(FoundJob(job_id=job.job_id, job_dir=absolute(job.layout.job_dir)), job.store)
        output.emit(_report(ended.summary), lambda _: [])
    return code


def _report(summary: JobSummary) -> ResumeReport:
    return ResumeReport(
        job_id=summary.job_id,
        status=summary.status.value,
        reason=summary.reason,
        runs=len(summary.runs),
        counts=summary.counts,
        export_path=summary.export_path,
    )


def _word(text: str) -> str:
    """Raises: ConfigError."""
    name, equals, _ = text.partition("=")
    if not equals or not name:
        raise ConfigError(f"--set {text}: expected SETTING=VALUE, such as np=8. Nothing was changed.")
    return f"--{text}"


def _config(job: JobHandle, changed: list[str]) -> JobConfig:
    """The settings that the summary holds, for the job where it is now. Secrets are read from the variables that it names.

    Raises: ConfigError: a setting is wrong, or a variable is not set.
    """
    from dataclasses import replace

    from data_juicer.config.config import load_recipe
    from data_juicer.config.sources.command_line import read_flags

    _, words = split_command(job.summary.resume_command)
    settings: dict[str, Any] = dict(job.summary.config)
    overrides: dict[str, Any] = {given.path: given.read() for given in read_flags(changed)[1]}
    if "job_id" in overrides:
        raise ConfigError("--set job_id: another id is another job. Nothing was changed.")
    overrides |= {
        "job_id": job.job_id,
        "work_dir": os.path.dirname(absolute(job.layout.job_dir)),
        "resume": None,
        "new": False,
    }
    try:
        config = load_recipe(settings, overrides, _without_settings(os.environ))
    except ConfigError as error:
        raise ConfigError(f"{error} (the settings in {job.layout.summary}; nothing was changed)") from error
    return replace(config, arguments=(*words, *changed))


def _without_settings(environ: Any) -> dict[str, str]:
    """The variables without those that are settings: the summary holds what they were."""
    from data_juicer.redaction import SECRET_PREFIX

    return {
        name: value
        for name, value in environ.items()
        if not name.startswith("DJ_") or name.startswith(SECRET_PREFIX)
    }
