"""`max_retention_days`: checkpoints and intermediate data of jobs that were completed long ago.

Only completed jobs: what a failed or stopped one holds is what its resume needs, however long ago that was. And only jobs
of this user: a work directory is shared, and what another user left there may be made to look like a job whose files are
other people's. So no path that a summary names is believed; directories are held open while they are emptied, reached
through no link, and only files of the names that a job gives are removed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime, timedelta

from data_juicer.clock import parse_utc
from data_juicer.engine.cleanup.orphan_files import (
    drop_checkpoint_files,
    drop_decision_files,
    drop_intermediate,
)
from data_juicer.engine.cleanup.orphan_shards import drop_shard_files
from data_juicer.engine.cleanup.remover import Remover
from data_juicer.errors import DataJuicerError
from data_juicer.job import summary as summaries
from data_juicer.job.claims import decode_claim
from data_juicer.job.layout import CLAIM_NAME, JobLayout
from data_juicer.job.summary import JobStatus, JobSummary
from data_juicer.storage.base import Store
from data_juicer.storage.capabilities import OwnDirectory


def is_expired(summary: JobSummary, now: datetime, days: int) -> bool:
    """Whether the job was completed more than `days` days before `now`. Pure."""
    updated = parse_utc(summary.updated)
    if summary.status is not JobStatus.COMPLETED or updated is None:
        return False
    return now - updated > timedelta(days=days)


def drop_expired(store: Store, work_dir: str, own_job: str, now: datetime, days: int) -> list[str]:
    """Drop what expired jobs in a work directory still hold beside their results; returns their ids.

    A job of another user, one that a driver works on, and one whose summary cannot be read are left alone.
    """
    dropped = []
    for job_id in store.list(work_dir):
        if job_id == own_job:
            continue
        layout = JobLayout.of(work_dir, job_id)
        try:
            with store.open_own(layout.job_dir) as job:
                if job is not None and _drop(store, layout, job, now, days):
                    dropped.append(job_id)
        except DataJuicerError:
            continue  # not ours to repair while another job starts
    return dropped


def _drop(store: Store, layout: JobLayout, job: OwnDirectory, now: datetime, days: int) -> bool:
    """Whether something went. `layout`: with every directory in the job's own."""
    try:
        data = job.read(os.path.basename(layout.summary))
    except FileNotFoundError:
        return False
    summary = summaries.decode(data, layout.summary)
    lock = store.at(layout.lock).advisory_lock()
    if not is_expired(summary, now, days) or lock is None or not lock.acquire(layout.lock):
        return False
    remover = Remover(store, layout)
    try:
        with _checkpoints(store, layout, job, summary) as checkpoints:
            if checkpoints is not None:
                _drop_checkpoints(remover, layout, checkpoints)
        with job.inside(os.path.basename(layout.intermediate_dir)) as intermediate:
            if intermediate is not None:
                drop_intermediate(remover, intermediate)
    finally:
        lock.release()
    return remover.removed > 0


def _drop_checkpoints(remover: Remover, layout: JobLayout, checkpoints: OwnDirectory) -> None:
    drop_checkpoint_files(remover, checkpoints)
    drop_decision_files(remover, checkpoints)
    with checkpoints.inside(os.path.basename(layout.shards_dir)) as shards:
        if shards is not None:
            drop_shard_files(remover, shards)


@contextlib.contextmanager
def _checkpoints(
    store: Store, layout: JobLayout, job: OwnDirectory, summary: JobSummary
) -> Iterator[OwnDirectory | None]:
    """The directory of a job's checkpoints; one that is elsewhere only if it carries the claim of this very job."""
    with job.inside(os.path.basename(layout.checkpoints_dir)) as inside:
        if inside is not None:
            yield inside
            return
    found = JobLayout.found(layout.job_id, layout.job_dir, summary.directories).checkpoints_dir
    with store.open_own(found) as elsewhere:
        yield elsewhere if elsewhere is not None and _is_claimed(elsewhere, summary) else None


def _is_claimed(directory: OwnDirectory, summary: JobSummary) -> bool:
    try:
        claim = decode_claim(directory.read(CLAIM_NAME), CLAIM_NAME)
    except (FileNotFoundError, DataJuicerError):
        return False
    return bool(summary.job_uuid) and (claim.job_uuid, claim.job_id) == (summary.job_uuid, summary.job_id)
