"""`max_retention_days`: checkpoints and intermediate data of jobs that were completed long ago.

Only completed jobs: what a failed or stopped one holds is what its resume needs, however long ago that was.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from data_juicer.clock import parse_utc
from data_juicer.engine.cleanup import orphan_files
from data_juicer.errors import DataJuicerError
from data_juicer.job import summary as summaries
from data_juicer.job.advisory import FileLock
from data_juicer.job.layout import JobLayout
from data_juicer.job.summary import JobStatus, JobSummary
from data_juicer.storage.base import Store


def is_expired(summary: JobSummary, now: datetime, days: int) -> bool:
    """Whether the job was completed more than `days` days before `now`. Pure."""
    updated = parse_utc(summary.updated)
    if summary.status is not JobStatus.COMPLETED or updated is None:
        return False
    return now - updated > timedelta(days=days)


def drop_expired(store: Store, work_dir: str, own_job: str, now: datetime, days: int) -> list[str]:
    """Drop what expired jobs in a work directory still hold beside their results; returns their ids.

    A job that a driver works on, or whose summary cannot be read, is left alone.
    """
    dropped = []
    for job_id in store.list(work_dir):
        job_dir = os.path.join(work_dir, job_id)
        if job_id == own_job or not os.path.isdir(job_dir):
            continue
        try:
            if _drop(store, job_id, job_dir, now, days):
                dropped.append(job_id)
        except DataJuicerError:
            continue  # not ours to mend while another job starts
    return dropped


def _drop(store: Store, job_id: str, job_dir: str, now: datetime, days: int) -> bool:
    summary = summaries.find(store, JobLayout.found(job_id, job_dir, {}))
    if summary is None or not is_expired(summary, now, days):
        return False
    layout = JobLayout.found(job_id, job_dir, summary.directories)
    partitions = orphan_files.checkpointed_partitions(store, layout)
    lock = FileLock()
    if not partitions or not lock.acquire(layout.lock):
        return False
    try:
        orphan_files.drop_checkpoints(store, layout, partitions)
        orphan_files.drop_decisions(store, layout)
    finally:
        lock.release()
    return True
