"""data_juicer from Python: what the command line does, without its terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from data_juicer.api.job import JobResult, LoadedJob
    from data_juicer.config.schema import JobConfig
    from data_juicer.engine.lifecycle.environment import JobOutcome
    from data_juicer.engine.run_context import RunControl


def run(
    recipe: str | os.PathLike[str] | Mapping[str, Any],
    *,
    dataset: Any = None,
    resume: Literal["auto", "must", "never"] = "auto",
    progress: bool | None = None,
    **overrides: Any,
) -> JobResult:
    """Run a recipe, or go on with the job that `job_id` names.

    Operators that this program registered itself, in a cell or a script, are written to a file below `work_dir` for workers and resumes.

    Args:
        recipe: path of a YAML file, or the settings themselves.
        dataset: rows to process instead of the recipe's `dataset_path`: a list of dicts, an Arrow table, a polars or pandas
            frame or a `datasets.Dataset`. They are written once below the recipe's `work_dir`, so that the job can be resumed.
        resume: `must`: the job of this `job_id` has to exist; `never`: it must not; `auto`: it is resumed if it does.
        progress: show how far the run is; None: in a notebook, and where standard error is a terminal.
        overrides: settings that win over the recipe, such as np=2 or checkpoint={"strategy": "every_op"}.
    Raises: DataJuicerError: its message says what is safe and what to do; its `job` has counts and the call that resumes.
    """
    from data_juicer.api.job import JobResult
    from data_juicer.api.started import run_watched

    return JobResult.of(run_watched(recipe, dataset, resume, progress, overrides))


def load_job(job_id: str, work_dir: str = "./outputs") -> LoadedJob:
    """Read what is known of a job in `work_dir`, or in a directory right below it; no process of it has to be alive.

    Raises: JobNotFoundError, JobError.
    """
    from data_juicer.api.job import LoadedJob
    from data_juicer.monitor.handle import JobHandle

    return LoadedJob.of(JobHandle.open(work_dir, job_id))


def run_config(config: JobConfig, control: RunControl | None = None) -> JobOutcome:
    """Run a job on this machine's files and clock.

    Args:
        control: who watches the run and what may stop it; nobody and nothing by default.
    Raises: DataJuicerError: its message says what is safe and what to do.
    """
    from data_juicer.core.executor.factory import make_executor
    from data_juicer.observers import watched

    with watched(config, control) as watching:
        return make_executor(config, watching).run(config)
