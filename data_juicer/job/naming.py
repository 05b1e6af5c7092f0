"""Which id and which directories a job has, before anything is made under them."""

from __future__ import annotations

import os

from data_juicer.clock import Clock
from data_juicer.config.place import place
from data_juicer.config.schema import JobConfig
from data_juicer.job.ids import check_job_id, make_job_id
from data_juicer.job.layout import JobLayout
from data_juicer.storage.locations.uri import absolute


def name_job(config: JobConfig, clock: Clock) -> tuple[JobConfig, str]:
    """The id of a job, a fresh one where none is given, and the settings with it and with paths that name it.

    Raises: ConfigError: the id cannot name a directory.
    """
    if config.job_id is not None:
        job_id = check_job_id(config.job_id)
        return place(config, job_id), job_id
    recipe = os.path.splitext(os.path.basename(config.recipe_path or config.project_name))[0]
    job_id = make_job_id(clock.now(), recipe, os.urandom(2).hex())
    return place(config, job_id), job_id


def layout_of(config: JobConfig, job_id: str) -> JobLayout:
    """The directories of a job."""
    return JobLayout.of(
        absolute(config.work_dir),
        job_id,
        absolute(config.event_log_dir) if config.event_log_dir else None,
        absolute(config.checkpoint_dir) if config.checkpoint_dir else None,
    )
