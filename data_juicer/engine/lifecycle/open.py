"""Opening a job: its directories, its lock, its summary and its event log; and recognising one that is complete."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from data_juicer.clock import Clock, format_utc
from data_juicer.config.fingerprint import digest, dump, result_settings
from data_juicer.config.schema import JobConfig
from data_juicer.engine.lifecycle.recover import look_back
from data_juicer.errors import JobError
from data_juicer.events.log import EventLog, Listener
from data_juicer.events.view import JobView
from data_juicer.job import summary as summaries
from data_juicer.job.advisory import AdvisoryLock
from data_juicer.job.ids import check_job_id, make_job_id
from data_juicer.job.layout import JobLayout
from data_juicer.job.lock import Driver, Lock, acquire
from data_juicer.job.summary import JobCounts, JobStatus, JobSummary, RunRecord
from data_juicer.storage.base import Store
from data_juicer.store.manifest import OperatorIdentity
from data_juicer.store.published import find_changes
from data_juicer.store.results import find_results


@dataclass(slots=True)
class OpenJob:
    """A job that this process owns until `close`."""

    store: Store
    clock: Clock
    layout: JobLayout
    lock: Lock
    log: EventLog
    view: JobView
    summary: JobSummary
    started_s: float = field(default=0.0)
    findings: tuple[str, ...] = ()
    """What was damaged or missing of earlier runs, a sentence each."""

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
        """Flush the log and give the job free; errors of a full disk do not hide what ended the run."""
        self.log.close()
        self.lock.release(self.view.rows_done)


def config_digest(config: JobConfig, identities: Sequence[OperatorIdentity]) -> str:
    """Equal for runs that must give the same bytes from the same input."""
    return digest({"settings": result_settings(config), "operators": msgspec.to_builtins(list(identities))})


def resume_command(config: JobConfig, arguments: Sequence[str], job_id: str) -> str:
    """What to type to go on with the job; without a command line the one that comes nearest."""
    given = arguments or (["--config", config.recipe_path] if config.recipe_path else [])
    return summaries.resume_command(given, job_id)


def layout_of(config: JobConfig, clock: Clock) -> JobLayout:
    """Where the job lies; a job without an id is given a fresh one.

    Raises: ConfigError: the id cannot name a directory.
    """
    if config.job_id is not None:
        job_id = check_job_id(config.job_id)
    else:
        recipe = os.path.splitext(os.path.basename(config.recipe_path or config.project_name))[0]
        job_id = make_job_id(clock.now(), recipe, os.urandom(2).hex())
    return JobLayout.of(
        os.path.abspath(config.work_dir),
        job_id,
        os.path.abspath(config.event_log_dir) if config.event_log_dir else None,
        os.path.abspath(config.checkpoint_dir) if config.checkpoint_dir else None,
    )


def find_completed(
    store: Store, layout: JobLayout, wanted_digest: str, export_path: str
) -> JobSummary | None:
    """The summary of a job that is complete as it is wanted now, its export in place; the input is not looked at."""
    try:
        summary = summaries.find(store, layout)
    except JobError:
        return None
    if summary is None or summary.status is not JobStatus.COMPLETED or summary.config_digest != wanted_digest:
        return None
    results = find_results(store, layout.results_manifest)
    if results is None or not results.is_exported or summary.export_path != export_path:
        return None
    return None if any(find_changes(store, results)) else summary


def open_job(
    config: JobConfig,
    layout: JobLayout,
    store: Store,
    clock: Clock,
    wanted_digest: str,
    resume_command: str,
    listeners: Sequence[Listener],
    view: JobView,
    advisory: AdvisoryLock | None = None,
    find_done: Callable[[], JobSummary | None] = lambda: None,
) -> OpenJob | JobSummary:
    """Take the job over: lock, directories, summary, event log.

    Args:
        advisory: the lock of this machine; the operating system's unless a test gives its own.
        find_done: asked once the job is locked: the driver that had it until then may have completed it.
    Returns: the job; its summary, with nothing changed, where it is done.
    Raises: JobLockedError: another driver has it. ResumeRefusedError: a newer data_juicer had it. StoreError: a directory cannot be written.
    """
    lock = acquire(store, layout, clock, Driver(host=socket.gethostname(), pid=os.getpid()), advisory)
    try:
        if (done := find_done()) is not None:
            lock.release(done.counts.rows_done)
            return done
        for directory in layout.directories().values():
            store.make_dirs(directory)
        findings = look_back(store, layout)
        summary = _begun(config, layout, store, clock, lock, wanted_digest, resume_command)
        log = EventLog(
            store,
            layout,
            clock,
            lock.run,
            max_log_size_mb=config.event_logging.max_log_size_mb,
            backup_count=config.event_logging.backup_count,
            enabled=config.event_logging.enabled,
            listeners=(view.apply, *listeners),
        )
    except BaseException:
        lock.release(0)
        raise
    return OpenJob(store, clock, layout, lock, log, view, summary, clock.monotonic_s(), findings)


def _begun(
    config: JobConfig,
    layout: JobLayout,
    store: Store,
    clock: Clock,
    lock: Lock,
    wanted_digest: str,
    resume_command: str,
) -> JobSummary:
    """The summary with this run added, written before anything else is done."""
    now = format_utc(clock.now())
    held = summaries.find(store, layout)
    record = RunRecord(
        number=lock.run,
        started=now,
        host=socket.gethostname(),
        pid=os.getpid(),
        resume_command=resume_command,
    )
    summary = JobSummary(
        job_id=layout.job_id,
        status=JobStatus.RUNNING,
        created=held.created if held else now,
        updated=now,
        config=dump(config),
        config_digest=wanted_digest,
        resume_command=resume_command,
        runs=(*(held.runs if held else ()), record),
        counts=held.counts if held else JobCounts(),
        export_path=os.path.abspath(config.export_path),
        directories=layout.directories(),
        versions=summaries.installed_versions(),
    )
    summaries.write(store, layout, summary)
    return summary
