"""Which jobs are in a work directory."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from datetime import datetime

from data_juicer.errors import ConfigError, JobNotFoundError, StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.job.lock import Driver, find_owner, is_alive
from data_juicer.storage.base import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundJob:
    """A directory with a job summary in it."""

    job_id: str
    job_dir: str


def find_jobs(store: Store, work_dir: str) -> list[FoundJob]:
    """The jobs in a directory and in the directories right below it, which are work directories of recipes.

    Raises: ConfigError: there is no such directory.
    """
    if not _is_directory(store, work_dir):
        raise ConfigError(f"--work_dir: {work_dir} is no directory. Name the work_dir of the recipe.")
    found = []
    for name, path in _directories(store, work_dir):
        inner = [(name, path)] if _is_job(store, path) else _directories(store, path)
        found += [
            FoundJob(job_id=job_id, job_dir=job_dir) for job_id, job_dir in inner if _is_job(store, job_dir)
        ]
    return found


def find_job(store: Store, work_dir: str, job_id: str) -> FoundJob:
    """The one job of this name.

    Raises: JobNotFoundError: there is none; names the nearest. ConfigError: there are several, or no such directory.
    """
    jobs = find_jobs(store, work_dir)
    named = [job for job in jobs if job.job_id == job_id]
    if len(named) == 1:
        return named[0]
    if named:
        places = " and ".join(os.path.dirname(job.job_dir) for job in named)
        raise ConfigError(f"{job_id}: there are jobs of this name in {places}. Name one with --work_dir.")
    nearest = difflib.get_close_matches(job_id, [job.job_id for job in jobs], n=1, cutoff=0.5)
    hint = f"Did you mean {nearest[0]}?" if nearest else f"To see all: dj-jobs list --work_dir {work_dir}"
    shown = job_id if job_id.isprintable() else ascii(job_id)
    raise JobNotFoundError(f"{shown}: no such job among {len(jobs)} in {work_dir}. {hint}")


def is_job_alive(store: Store, layout: JobLayout, now: datetime) -> bool:
    """Whether a driver works on the job, as far as this machine can tell."""
    owner = find_owner(store, layout)
    return owner is not None and is_alive(store, owner, now, Driver.here().host, layout.lock)


def _directories(store: Store, path: str) -> list[tuple[str, str]]:
    try:
        return [(entry.name, entry.path) for entry in store.entries(path) if entry.kind == "directory"]
    except StoreError:  # not ours to read
        return []


def _is_directory(store: Store, path: str) -> bool:
    try:
        return store.stat(path).is_directory
    except FileNotFoundError:
        return False


def _is_job(store: Store, path: str) -> bool:
    return store.exists(JobLayout.found("", path, {}).summary)
