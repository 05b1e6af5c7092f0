"""dj-jobs list."""

from __future__ import annotations

import argparse
import os
from datetime import datetime
from itertools import groupby
from typing import Final

import msgspec

from data_juicer.cli.command import expand_folder
from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.clock import SystemClock
from data_juicer.errors import DataJuicerError
from data_juicer.job.find import FoundJob, find_jobs
from data_juicer.job.summary import JobCounts
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.progress import format_duration, format_share
from data_juicer.monitor.table import format_table
from data_juicer.monitor.views.amounts import format_bytes, format_count
from data_juicer.monitor.views.standing import needs_events, standing_of
from data_juicer.storage import open_store
from data_juicer.storage.base import Store

NAME: Final = "list"
HELP: Final = "List the jobs in a folder and below it, the newest first."

_TITLES: Final = ("job", "status", "rows in", "rows out", "dead", "started (UTC)", "took", "size")


class JobEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One job; what its files do not say is missing."""

    job_id: str
    job_dir: str
    status: str
    created: str | None = None
    started: str | None = None
    took_s: float | None = None
    runs: int = 0
    share_done: float | None = None
    counts: JobCounts | None = None
    size_bytes: int | None = None
    problem: str | None = None


class JobList(msgspec.Struct, frozen=True, kw_only=True):
    """What `--output json` gives."""

    work_dir: str
    jobs: tuple[JobEntry, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", metavar="DIR", help="the same as --work_dir")
    parser.add_argument("--status", metavar="STATUS", help="only jobs of this status, such as failed")
    parser.add_argument("--no_size", action="store_true", help="do not add up the sizes of files")


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> None:
    folder = expand_folder(arguments.folder, "DIR") if arguments.folder else arguments.work_dir
    store, now = open_store(folder), SystemClock().now()
    with_size = not arguments.no_size
    entries = [_entry(store, job, now, with_size=with_size) for job in find_jobs(store, folder)]
    if arguments.status:
        entries = [entry for entry in entries if entry.status == arguments.status]
    entries.sort(key=lambda entry: entry.created or "", reverse=True)
    listed = JobList(work_dir=folder, jobs=tuple(entries))
    output.emit(listed, lambda columns: _lines(listed, columns))


def _entry(store: Store, job: FoundJob, now: datetime, *, with_size: bool) -> JobEntry:
    try:
        handle = JobHandle.of(job, store)
        is_open = needs_events(handle.summary)
        view = handle.view if is_open else None
        standing = standing_of(handle.summary, view, now, is_alive=is_open and handle.is_alive(now))
    except DataJuicerError as error:
        return JobEntry(job_id=job.job_id, job_dir=job.job_dir, status="damaged", problem=str(error))
    return JobEntry(
        job_id=job.job_id,
        job_dir=job.job_dir,
        status=standing.status,
        created=handle.summary.created,
        started=standing.started,
        took_s=standing.took_s,
        runs=len(handle.summary.runs),
        share_done=standing.share,
        counts=standing.counts,
        size_bytes=handle.size_bytes() if with_size else None,
    )


def _lines(listed: JobList, columns: int) -> list[str]:
    """A heading for each folder where there are several; then a line a job, or two where a screen is too narrow for one."""
    if not listed.jobs:
        return [f"no jobs in {listed.work_dir}"]
    by_folder = sorted(listed.jobs, key=lambda entry: os.path.dirname(entry.job_dir))
    folders = [(folder, list(group)) for folder, group in groupby(by_folder, _folder)]
    lines: list[str] = []
    for folder, entries in folders:
        if len(folders) > 1:
            lines += [*([""] if lines else []), f"in {folder}"]
        table = format_table(_TITLES, [_cells(entry) for entry in entries], None)
        fits = max(map(len, table)) <= columns
        lines += table if fits else [line for entry in entries for line in _two_lines(entry, columns)]
    return lines


def _folder(entry: JobEntry) -> str:
    return os.path.dirname(entry.job_dir)


def _cells(entry: JobEntry) -> list[str]:
    counts = entry.counts
    return [
        entry.job_id,
        _status(entry),
        format_count(counts.rows) if counts else "",
        format_count(counts.rows_out) if counts else "",
        format_count(counts.rows_dead_letter) if counts else "",
        _started(entry),
        format_duration(entry.took_s) if entry.took_s is not None else "",
        format_bytes(entry.size_bytes) if entry.size_bytes is not None else "",
    ]


def _two_lines(entry: JobEntry, columns: int) -> list[str]:
    """The id alone, as it is there to be copied; what there is to say of the job below it."""
    _, status, rows_in, rows_out, dead, started, took, size = _cells(entry)
    rows = f"{rows_in} -> {rows_out} rows" if entry.counts else ""
    letters = f"{dead} dead" if entry.counts and entry.counts.rows_dead_letter else ""
    more = [rows, letters, started, took, size]
    shown = f"{status:<15} {'  '.join(filter(None, more))}"
    if len(shown) + 4 > columns:  # large numbers: what there is to say goes on below the rows
        first, second = [rows, letters, started], [took, size]
        shown = f"{status:<15} {'  '.join(filter(None, first))}"
        return [entry.job_id, f"    {shown}", f"{'':20}{'  '.join(filter(None, second))}"]
    return [entry.job_id, f"    {shown}"]


def _status(entry: JobEntry) -> str:
    if entry.share_done is None or entry.status == "completed":
        return entry.status
    return f"{entry.status} {format_share(entry.share_done)}"


def _started(entry: JobEntry) -> str:
    return (entry.started or entry.created or "")[:16].replace("T", " ")
