"""From the arguments of `data_juicer.run` to a job that is watched, and errors that say how to go on with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from data_juicer.errors import ConfigError, DataJuicerError, FailedRun
from data_juicer.storage.locations.uri import absolute

if TYPE_CHECKING:
    from data_juicer.config.schema import JobConfig
    from data_juicer.engine.lifecycle.environment import JobOutcome
    from data_juicer.engine.run_context import WatchedJob

Recipe = str | os.PathLike[str] | Mapping[str, Any]
RESUMES: Final = ("auto", "must", "never")


def run_watched(
    recipe: Recipe, dataset: Any, resume: str, progress: bool | None, overrides: dict[str, Any]
) -> JobOutcome:
    """Raises: DataJuicerError, KeyboardInterrupt: both carry a note that says how to go on, once the job was opened."""
    from data_juicer.api.progress import shown_run
    from data_juicer.core.executor.factory import make_executor
    from data_juicer.engine.run_context import RunControl

    config, overrides = settle(recipe, dataset, resume, overrides)
    shown = shown_run(progress)
    try:
        return make_executor(config, RunControl(observers=(shown,))).run(config)
    except (DataJuicerError, KeyboardInterrupt) as error:
        if shown.job is not None:
            failed = _failed(shown.job, recipe, overrides)
            if isinstance(error, DataJuicerError):
                error.job = failed
            error.add_note(str(failed))
        raise
    finally:
        shown.close()


def settle(
    recipe: Recipe, dataset: Any, resume: str, overrides: Mapping[str, Any]
) -> tuple[JobConfig, dict[str, Any]]:
    """The settings of a job, and the overrides that give them, with what was staged of this program's rows and operators.

    Raises: ConfigError.
    """
    from data_juicer.api.operators_in import stage_operators
    from data_juicer.api.rows_in import IN_MEMORY, check_only_input, stage_rows
    from data_juicer.config.config import load_recipe

    if resume not in RESUMES:
        raise ConfigError(
            f"resume={resume!r} is none of {', '.join(RESUMES)}; the job to go on with is named by job_id. "
            "Nothing was created."
        )
    given = dict(overrides)
    if dataset is not None:
        check_only_input(given)
        work_dir = load_recipe(recipe, {**given, "dataset_path": IN_MEMORY}, os.environ).work_dir
        given["dataset_path"] = stage_rows(dataset, work_dir)
    config = load_recipe(recipe, given, os.environ)
    operators = stage_operators(config, os.path.join(config.work_dir, IN_MEMORY))
    if operators is not None:
        given["custom_operator_paths"] = [*config.custom_operator_paths, operators]
        config = load_recipe(recipe, given, os.environ)
    if resume == "must":
        if config.job_id is None:
            raise ConfigError("resume='must' needs the job_id of the job to go on with. Nothing was created.")
        config = replace(config, resume=config.job_id, new=False)
    elif resume == "never":
        config = replace(config, new=True)
    return config, given


def _failed(job: WatchedJob, recipe: Recipe, overrides: Mapping[str, Any]) -> FailedRun:
    counts = job.summary.counts
    path = job.layout.recipe if isinstance(recipe, Mapping) else absolute(os.fspath(recipe))
    named = {"job_id": job.layout.job_id, "resume": "must"}
    others = (
        {}
        if isinstance(recipe, Mapping)
        else {key: value for key, value in overrides.items() if key not in named}
    )
    words = ", ".join(f"{key}={value!r}" for key, value in {**named, **others}.items())
    return FailedRun(
        job_id=job.layout.job_id,
        partitions=counts.partitions,
        partitions_done=counts.partitions_done,
        rows=counts.rows,
        rows_done=counts.rows_done,
        rows_dead_letter=counts.rows_dead_letter,
        resume=f"data_juicer.run({path!r}, {words})",
    )
