"""data_juicer from Python: what the command line does, without its terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_juicer.config.schema import JobConfig
    from data_juicer.run.job import JobResult


def run(recipe: str | os.PathLike[str] | Mapping[str, Any], **overrides: Any) -> JobResult:
    """Run a recipe, or go on with the job that `job_id` names.

    Args:
        recipe: path of a YAML file, or the settings themselves.
        overrides: settings that win over the recipe, such as np=2 or checkpoint={"strategy": "every_op"}.
    Raises: DataJuicerError: its message says what is safe and what to do.
    """
    from data_juicer.config.config import load_recipe

    return run_config(load_recipe(recipe, overrides, os.environ))


def run_config(config: JobConfig, **surroundings: Any) -> JobResult:
    """Run a job on this machine's files and clock; `surroundings` are further fields of `run.job.Surroundings`."""
    from data_juicer.clock import SystemClock
    from data_juicer.core.executor.factory import make_backend
    from data_juicer.store.filesystem import LocalFileSystem

    fs, clock = LocalFileSystem(), SystemClock()
    backend = make_backend(config, fs, clock)
    try:
        from data_juicer.run.job import Surroundings, run_job

        return run_job(config, Surroundings(fs=fs, clock=clock, backend=backend, **surroundings))
    finally:
        backend.close()
