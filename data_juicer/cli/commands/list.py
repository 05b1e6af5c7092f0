"""dj-jobs list."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.clock import SystemClock
from data_juicer.errors import DataJuicerError
from data_juicer.job.find import FoundJob, find_jobs
from data_juicer.job.summary import JobCounts, JobStatus
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.table import format_table
from data_juicer.storage.base import Store
from data_juicer.storage.posix import PosixStore

NAME: Final = "list"
HELP: Final = "List the jobs of a work directory, the newest first."

_TITLES: Final = ("job", "status", "rows done", "created (UTC)")


class JobEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One job; `counts` and `created` are missing where its summary is damaged."""

    job_id: str
    job_dir: str
    status: str
    created: str | None = None
    runs: int = 0
    counts: JobCounts | None = None
    problem: str | None = None


class JobList(msgspec.Struct, frozen=True, kw_only=True):
    """What `--output json` gives."""

    work_dir: str
    jobs: tuple[JobEntry, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing beyond what every command has."""


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> None:
    store, now = PosixStore(), SystemClock().now()
    entries = [_entry(store, job, now) for job in find_jobs(store, arguments.work_dir)]
    entries.sort(key=lambda entry: entry.created or "", reverse=True)
    listed = JobList(work_dir=arguments.work_dir, jobs=tuple(entries))
    output.emit(listed, lambda _: _lines(listed))


def _entry(store: Store, job: FoundJob, now: datetime) -> JobEntry:
    try:
        held = JobHandle.of(job, store)
    except DataJuicerError as error:
        return JobEntry(job_id=job.job_id, job_dir=job.job_dir, status="damaged", problem=str(error))
    return JobEntry(
        job_id=job.job_id,
        job_dir=job.job_dir,
        status=held.status(now),
        created=held.summary.created,
        runs=len(held.summary.runs),
        counts=_counts(held),
    )


def _counts(job: JobHandle) -> JobCounts:
    """Of a job that is not complete, what is committed now: its summary is written when a run begins and ends."""
    counts = job.summary.counts
    if job.summary.status is JobStatus.COMPLETED or (committed := job.committed).partitions is None:
        return counts
    return msgspec.structs.replace(
        counts,
        partitions=committed.partitions,
        partitions_done=committed.partitions_done,
        rows=committed.rows,
        rows_done=committed.rows_done,
    )


def _lines(listed: JobList) -> list[str]:
    if not listed.jobs:
        return [f"no jobs in {listed.work_dir}"]
    rows = [
        (entry.job_id, entry.status, _rows(entry.counts), (entry.created or "")[:16].replace("T", " "))
        for entry in listed.jobs
    ]
    return format_table(_TITLES, rows, None)  # ids are there to be copied: no narrow screen may cut them


def _rows(counts: JobCounts | None) -> str:
    return f"{counts.rows_done:,} of {counts.rows:,}" if counts else ""
