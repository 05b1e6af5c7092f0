"""The paths of a job whose id is known: `{job_id}` and `{work_dir}` filled in. Pure."""

from __future__ import annotations

import dataclasses
import os.path

from data_juicer.config.paths import DIRECTORIES, JOB_ID, PATHS, WORK_DIR, map_paths
from data_juicer.config.schema import JobConfig


def place(config: JobConfig, job_id: str) -> JobConfig:
    """The settings of the job of this id: `{job_id}` and `{work_dir}` filled in.

    A directory that ends in `{job_id}` is named without it, since jobs have a folder of their name in it anyway.
    """
    work_dir = config.work_dir.replace(JOB_ID, job_id)

    def fill(path: str) -> str:
        return path.replace(WORK_DIR, work_dir).replace(JOB_ID, job_id)

    def fill_directory(path: str) -> str:
        return fill((os.path.dirname(path.rstrip("/")) or ".") if JOB_ID in path else path)

    changed = {
        key: map_paths(key, getattr(config, key), fill_directory if key in DIRECTORIES else fill)
        for key in PATHS
    }
    return dataclasses.replace(config, job_id=job_id, **changed)
