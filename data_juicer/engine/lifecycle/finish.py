"""How a run ends: events, summary, and what may be removed then."""

from __future__ import annotations

import contextlib
from typing import cast

import msgspec

from data_juicer.config.schema import JobConfig
from data_juicer.engine.cleanup.orphan_files import done_partitions, drop_checkpoints, drop_decisions, sweep
from data_juicer.engine.cleanup.set_aside import prune_set_aside
from data_juicer.engine.lifecycle.counts import CommittedCounts
from data_juicer.engine.lifecycle.open import OpenJob
from data_juicer.errors import JobLockedError, JobStoppedError, StoreError
from data_juicer.events import payloads
from data_juicer.events import types as t
from data_juicer.foreign_code import error_text
from data_juicer.job.summary import JobStatus, JobSummary
from data_juicer.monitor.facts import counts_of
from data_juicer.plan.resume.committed import find_committed
from data_juicer.plan.retention import Retention, drops_checkpoints_of_done
from data_juicer.redaction import hide


def succeed(job: OpenJob, config: JobConfig, committed: CommittedCounts, requests: int = 0) -> JobSummary:
    """The result is published: clean up, and write down that the job is complete.

    Args:
        committed: all results of the job, as their manifests have them.
        requests: that the run has sent to object stores.
    """
    for finding in _clean_up(job, config, succeeded=True):
        job.log.record(t.WarningNotice(message=finding))
    duration_s, view = job.elapsed_s(), job.view
    outcome = payloads.Outcome(
        rows_in=committed.rows_in,
        rows_dead_letter=committed.rows_dead,
        export_path=job.summary.export_path,
        requests=requests,
    )
    job.log.record(t.ProcessingComplete(duration_s=duration_s, rows=committed.rows_out, data=outcome))
    job.log.record(t.JobComplete(duration_s=duration_s, rows=committed.rows_out, data=outcome))
    counts = msgspec.structs.replace(
        counts_of(view),
        partitions_done=committed.partitions,
        rows_done=committed.rows_in,
        rows_out=committed.rows_out,
        rows_dead_letter=committed.rows_dead,
    )
    return job.save(JobStatus.COMPLETED, counts)


def fail(job: OpenJob, config: JobConfig, error: BaseException, requests: int = 0) -> None:
    """Write down why; a disk that refuses even that does not hide the reason. No worker runs any more."""
    is_stop = isinstance(error, JobStoppedError | KeyboardInterrupt)
    duration_s = job.elapsed_s()
    text = hide(" ".join(error_text(error).split())) or type(error).__name__
    failure = payloads.RunFailure(
        error_type=type(error).__name__, error=text, is_stop=is_stop, requests=requests
    )
    with contextlib.suppress(StoreError, JobLockedError):
        job.log.record(t.ProcessingError(duration_s=duration_s, data=failure))
        if not is_stop and not job.lock.is_lost():
            failed = payloads.Failure(error_type=failure.error_type, error=text)
            job.log.record(t.JobFailed(duration_s=duration_s, data=failed))
        _clean_up(job, config, succeeded=False)
        counts = counts_of(job.view, find_committed(job.store, job.layout))
        job.save(JobStatus.STOPPED if is_stop else JobStatus.FAILED, counts, text)


def _clean_up(job: OpenJob, config: JobConfig, succeeded: bool) -> list[str]:
    """Remove what is not needed any more; returns what could not be, a sentence each."""
    if job.lock.is_lost():  # what workers of the run that owns it have staged looks like litter
        return []
    storage = config.intermediate_storage
    removers = []
    if storage.cleanup_temp_files:
        removers.append(prune_set_aside(job.store, job.layout, storage.set_aside_max_mb))
        removers.append(sweep(job.store, job.layout))
    retention = cast("Retention", storage.retention_policy)
    if drops_checkpoints_of_done(retention, succeeded, storage.cleanup_on_success):
        done = done_partitions(job.store, job.layout)
        removers.append(drop_checkpoints(job.store, job.layout, done, keep_gathered=not succeeded))
        if succeeded:
            removers.append(drop_decisions(job.store, job.layout))
    return [finding for remover in removers for finding in remover.refused]
