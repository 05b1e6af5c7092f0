"""data_juicer from Python: what the command line does, without its terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_juicer.api.job import JobResult, LoadedJob
    from data_juicer.config.schema import JobConfig
    from data_juicer.engine.lifecycle.environment import JobOutcome
    from data_juicer.engine.run_context import RunControl


def run(
    recipe: str | os.PathLike[str] | Mapping[str, Any], *, dataset: Any = None, **overrides: Any
) -> JobResult:
    """Run a recipe, or go on with the job that `job_id` names.

    Args:
        recipe: path of a YAML file, or the settings themselves.
        dataset: rows to process instead of the recipe's `dataset_path`: a list of dicts, an Arrow table, a polars or pandas
            frame or a `datasets.Dataset`. They are written once below the recipe's `work_dir`, so that the job can be resumed.
        overrides: settings that win over the recipe, such as np=2 or checkpoint={"strategy": "every_op"}.
    Raises: DataJuicerError: its message says what is safe and what to do.
    """
    from data_juicer.api.job import JobResult
    from data_juicer.config.config import load_recipe

    if dataset is not None:
        from data_juicer.api.rows_in import IN_MEMORY, check_only_input, stage_rows

        check_only_input(overrides)
        work_dir = load_recipe(recipe, {**overrides, "dataset_path": IN_MEMORY}, os.environ).work_dir
        overrides["dataset_path"] = stage_rows(dataset, work_dir)
    config = load_recipe(recipe, overrides, os.environ)
    outcome = run_config(config)
    return JobResult.of(outcome)


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

    return make_executor(config, control).run(config)
