"""data_juicer from Python: what the command line does, without its terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_juicer.config.schema import JobConfig
    from data_juicer.engine.lifecycle.environment import JobResult
    from data_juicer.engine.run_context import RunControl
    from data_juicer.events.view import JobView
    from data_juicer.job.summary import JobSummary


def run(recipe: str | os.PathLike[str] | Mapping[str, Any], **overrides: Any) -> JobResult:
    """Run a recipe, or go on with the job that `job_id` names.

    Args:
        recipe: path of a YAML file, or the settings themselves.
        overrides: settings that win over the recipe, such as np=2 or checkpoint={"strategy": "every_op"}.
    Raises: DataJuicerError: its message says what is safe and what to do.
    """
    from data_juicer.config.config import load_recipe

    return run_config(load_recipe(recipe, overrides, os.environ))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedJob:
    """A job as its files tell of it; no process of it has to be alive."""

    summary: JobSummary
    view: JobView
    """What its events come to: operators, rows, retries, warnings."""


def load_job(job_id: str, work_dir: str = "./outputs") -> LoadedJob:
    """Read what is known of a job in `work_dir`, or in a directory right below it.

    Raises: JobNotFoundError, JobError.
    """
    from data_juicer.monitor.handle import JobHandle

    job = JobHandle.open(work_dir, job_id)
    return LoadedJob(summary=job.summary, view=job.view)


def run_config(config: JobConfig, control: RunControl | None = None) -> JobResult:
    """Run a job on this machine's files and clock.

    Args:
        control: who watches the run and what may stop it; nobody and nothing by default.
    Raises: DataJuicerError: its message says what is safe and what to do.
    """
    from data_juicer.core.executor.factory import make_executor

    return make_executor(config, control).run(config)
