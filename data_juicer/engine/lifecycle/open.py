"""Opening a locked job: its directories, its summary and its event log."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import socket
from collections.abc import Iterator

import msgspec

from data_juicer.clock import Clock, format_utc
from data_juicer.config.fingerprint import dump
from data_juicer.engine.lifecycle.environment import RunEnvironment
from data_juicer.engine.lifecycle.recover import find_unrecorded_end, inspect_previous_runs
from data_juicer.engine.lifecycle.wanted import WantedJob
from data_juicer.errors import JobLockedError
from data_juicer.events.log import EventLog
from data_juicer.events.view import JobView
from data_juicer.job import summary as summaries
from data_juicer.job.claims import claim_directories
from data_juicer.job.layout import JobLayout
from data_juicer.job.lock import Lock
from data_juicer.job.summary import JobCounts, JobStatus, JobSummary, RunRecord
from data_juicer.storage.base import Store


class OpenJob(msgspec.Struct):
    """A job that this process works on until `close`."""

    store: Store
    clock: Clock
    layout: JobLayout
    lock: Lock
    log: EventLog
    summary: JobSummary
    started_s: float = msgspec.field(default=0.0)
    findings: tuple[str, ...] = ()
    """What was damaged or missing of earlier runs, a sentence each."""
    notices: tuple[str, ...] = ()
    """What else there is to say of them."""

    @property
    def view(self) -> JobView:
        """What all events of the job come to."""
        return self.log.view

    @property
    def run(self) -> int:
        return self.lock.run

    def elapsed_s(self) -> float:
        """Seconds since the job was opened."""
        return self.clock.monotonic_s() - self.started_s

    def save(self, status: JobStatus, counts: JobCounts, reason: str | None = None) -> JobSummary:
        """Write the summary with what has become of this run, unless a later run owns the job."""
        now = format_utc(self.clock.now())
        ended = status is not JobStatus.RUNNING
        runs = (
            *self.summary.runs[:-1],
            msgspec.structs.replace(self.summary.runs[-1], outcome=status, stopped=now if ended else None),
        )
        self.summary = msgspec.structs.replace(
            self.summary, status=status, reason=reason, updated=now, runs=runs, counts=counts
        )
        if not self.lock.is_lost():
            summaries.write(self.store, self.layout, self.summary)
        return self.summary

    def close(self) -> None:
        """Flush the log; a full disk does not hide what ended the run. The lock is released by who acquired it."""
        with contextlib.suppress(JobLockedError):  # it has ended
            self.log.close()
        self.lock.note(self.view.rows_done, self.log.seq)


def open_job(wanted: WantedJob, environment: RunEnvironment, lock: Lock) -> OpenJob:
    """Take the locked job over: directories, summary, event log.

    Raises: ResumeRefusedError: a newer data_juicer had it. StoreError: a directory cannot be written. ConfigError: it
        belongs to another user or job.
    """
    store, clock, layout, config = lock.store, environment.clock, wanted.layout, wanted.config
    for directory in (*layout.claimed_directories(), *layout.directories().values()):
        store.make_own_dir(directory)
    job_uuid = claim_directories(store, layout, socket.gethostname())
    findings = (*inspect_previous_runs(store, layout), *_open_to_all(store, layout))
    unrecorded = find_unrecorded_end(store, layout, lock.run)
    summary = _begun(wanted, store, clock, lock, job_uuid)
    log = EventLog(
        store,
        layout,
        clock,
        lock.run,
        max_log_size_mb=config.event_logging.max_log_size_mb,
        backup_count=config.event_logging.backup_count,
        enabled=config.event_logging.enabled,
        seq_known=lock.events_before,
        listeners=[observer.event_recorded for observer in environment.control.observers],
    )
    notices = (unrecorded,) if unrecorded else ()
    return OpenJob(store, clock, layout, lock, log, summary, clock.monotonic_s(), findings, notices)


def _open_to_all(store: Store, layout: JobLayout) -> Iterator[str]:
    """A sentence for each directory above those of the job in which other users could put another in their place."""
    for above in sorted({os.path.dirname(directory) for directory in layout.claimed_directories()}):
        if (found := store.find_open_to_all(above)) is not None:
            yield (
                f"every user can rename what lies in {above} ({found}), this job too; "
                f"to prevent it: chmod +t {shlex.quote(above)}"
            )


def _begun(wanted: WantedJob, store: Store, clock: Clock, lock: Lock, job_uuid: str) -> JobSummary:
    """The summary with this run added, written before anything else is done."""
    layout, now = wanted.layout, format_utc(clock.now())
    earlier = summaries.find(store, layout)
    record = RunRecord(
        number=lock.run,
        started=now,
        host=socket.gethostname(),
        pid=os.getpid(),
        resume_command=wanted.resume_command,
    )
    summary = JobSummary(
        job_id=layout.job_id,
        job_uuid=job_uuid,
        status=JobStatus.RUNNING,
        created=earlier.created if earlier else now,
        updated=now,
        config=dump(wanted.config),
        config_digest=wanted.digest,
        resume_command=wanted.resume_command,
        runs=(*(earlier.runs if earlier else ()), record),
        counts=earlier.counts if earlier else JobCounts(),
        auto_configuration=earlier.auto_configuration
        if earlier and wanted.config.partition.auto_configure
        else None,
        export_path=wanted.export_path,
        directories=layout.directories(),
        versions=summaries.installed_versions(),
    )
    if not wanted.config.arguments:
        store.put(layout.recipe, json.dumps(dump(wanted.config) | {"job_id": None}, indent=2).encode())
    summaries.write(store, layout, summary)
    return summary
