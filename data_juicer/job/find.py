"""Which jobs are below a folder, and which one a name or a path means."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import msgspec

from data_juicer.errors import ConfigError, JobNotFoundError, StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.job.lock import Driver, find_owner, is_alive
from data_juicer.storage.base import Store
from data_juicer.storage.files import Entry
from data_juicer.storage.locations.uri import absolute


class FoundJob(msgspec.Struct, frozen=True, kw_only=True):
    """A directory with a job summary in it."""

    job_id: str
    job_dir: str


LEVELS_MAX: Final = 8
"""How far below a folder jobs are looked for."""


def find_jobs(store: Store, folder: str, levels: int = LEVELS_MAX) -> list[FoundJob]:
    """The jobs in a folder and in folders below it; the folder itself, where it is a job.

    Hidden folders and links are not gone into, and a job is not searched for others.

    Raises: ConfigError: there is no such folder.
    """
    if not _is_directory(store, folder):
        raise ConfigError(f"--work_dir: {folder} is no directory. Name the work_dir of the recipe.")
    if _is_job(store, folder):
        return [_job_at(folder)]
    return list(_jobs_below(store, folder, levels))


def find_job(store: Store, work_dir: str, job: str) -> FoundJob:
    """The one job of this name, or at this path.

    Args:
        job: an id, looked for in `work_dir` and below; or the path of a job's folder, wherever that is.
    Raises: JobNotFoundError: there is none; names the nearest. ConfigError: there are several, or no such directory.
    """
    if "/" in job or job in {".", ".."}:
        return _job_at_path(store, job)
    if _is_directory(store, work_dir) and _is_job(store, os.path.join(work_dir, job)):
        return FoundJob(job_id=job, job_dir=os.path.join(work_dir, job))
    jobs = find_jobs(store, work_dir)
    named = [found for found in jobs if found.job_id == job]
    if len(named) == 1:
        return named[0]
    if named:
        folders = " and ".join(os.path.dirname(found.job_dir) for found in named)
        raise ConfigError(f"{job}: there are jobs of this name in {folders}. Name one by its path.")
    nearest = difflib.get_close_matches(job, [found.job_id for found in jobs], n=1, cutoff=0.5)
    hint = f"Did you mean {nearest[0]}?" if nearest else f"To see all: dj-jobs list --work_dir {work_dir}"
    shown = job if job.isprintable() else ascii(job)
    raise JobNotFoundError(f"{shown}: no such job among {len(jobs)} in {work_dir}. {hint}")


def _job_at_path(store: Store, path: str) -> FoundJob:
    if not _is_job(store, path):
        raise JobNotFoundError(
            f"{path}: no folder of a job; that of a job has {os.path.basename(JobLayout.found('', '', {}).summary)} in it. "
            f"To see the jobs below it: dj-jobs list --work_dir {path}"
        )
    return _job_at(path)


def _job_at(path: str) -> FoundJob:
    whole = absolute(path.rstrip("/") or path)
    return FoundJob(job_id=os.path.basename(whole), job_dir=whole)


def _jobs_below(store: Store, folder: str, levels: int) -> Iterator[FoundJob]:
    for entry in _directories(store, folder):
        if _is_job(store, entry.path):
            yield FoundJob(job_id=entry.name, job_dir=entry.path)
        elif levels > 1 and not entry.is_link and not entry.name.startswith("."):
            yield from _jobs_below(store, entry.path, levels - 1)


def is_job_alive(store: Store, layout: JobLayout, now: datetime) -> bool:
    """Whether a driver works on the job, as far as this machine can tell."""
    owner = find_owner(store, layout)
    return owner is not None and is_alive(store, owner, now, Driver.here().host, layout.lock)


def _directories(store: Store, path: str) -> list[Entry]:
    try:
        return [entry for entry in store.entries(path) if entry.kind == "directory"]
    except StoreError:  # not ours to read
        return []


def _is_directory(store: Store, path: str) -> bool:
    try:
        return store.stat(path).is_directory
    except FileNotFoundError:
        return False


def _is_job(store: Store, path: str) -> bool:
    return store.exists(JobLayout.found("", path, {}).summary)
