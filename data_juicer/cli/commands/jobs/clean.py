"""dj-jobs clean."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.clock import SystemClock, parse_utc
from data_juicer.errors import ConfigError, DataJuicerError
from data_juicer.job.find import find_jobs
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.views.amounts import format_bytes
from data_juicer.storage import open_store

if TYPE_CHECKING:
    from data_juicer.engine.cleanup.remover import Remover

NAME: Final = "clean"
HELP: Final = (
    "Remove files that no job needs any more, and with --older_than whole jobs; results of exports stay."
)

_STATUSES: Final = ("completed", "failed", "stopped", "interrupted")


class CleanedJob(msgspec.Struct, frozen=True, kw_only=True):
    job_id: str
    job_dir: str
    is_whole: bool
    """The job itself goes, not only what no manifest of it names."""
    files: int
    size_bytes: int
    left: tuple[str, ...] = ()
    """Why something of it was left alone, a sentence each."""


class CleanReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `--output json` gives: every job with something to remove, or that was left alone although it was named."""

    is_dry_run: bool
    files: int
    size_bytes: int
    jobs: tuple[CleanedJob, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "jobs", nargs="*", metavar="JOB", help="only these jobs: ids, or paths of folders (default: all)"
    )
    parser.add_argument(
        "--older_than",
        type=float,
        metavar="DAYS",
        help="remove whole jobs that ended more than so many days ago, but not what they exported",
    )
    parser.add_argument(
        "--status",
        action="append",
        choices=_STATUSES,
        help="which jobs --older_than removes; may be repeated (default: completed)",
    )
    parser.add_argument("--dry_run", action="store_true", help="only say what would be removed")


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> int | None:
    days = arguments.older_than
    if days is not None and days < 0:
        raise ConfigError(f"--older_than {days}: expected a number of days from 0 on. Nothing was changed.")
    if arguments.status and days is None:
        raise ConfigError(
            "--status says which jobs --older_than removes: give that too. Nothing was changed."
        )
    statuses, now = set(arguments.status or ["completed"]), SystemClock().now()
    cleaned = []
    for job in _jobs(arguments):
        is_whole = days is not None and _is_old(job, now, days, statuses)
        done = _clean(job, now, is_whole=is_whole, is_dry=arguments.dry_run)
        if done.files or (done.left and (arguments.jobs or is_whole)):
            cleaned.append(done)
    report = CleanReport(
        is_dry_run=arguments.dry_run,
        files=sum(job.files for job in cleaned),
        size_bytes=sum(job.size_bytes for job in cleaned),
        jobs=tuple(cleaned),
    )
    output.emit(report, lambda _: _lines(report))
    return 1 if any(job.left for job in cleaned) else None


def _jobs(arguments: argparse.Namespace) -> Iterator[JobHandle]:
    """Those that are named; else all whose summary can be read."""
    if arguments.jobs:
        for name in arguments.jobs:
            yield JobHandle.open(arguments.work_dir, name)
        return
    store = open_store(arguments.work_dir)
    for found in find_jobs(store, arguments.work_dir):
        with contextlib.suppress(DataJuicerError):
            yield JobHandle.of(found, store)


def _is_old(job: JobHandle, now: datetime, days: float, statuses: set[str]) -> bool:
    updated = parse_utc(job.summary.updated)
    is_ripe = updated is not None and now - updated >= timedelta(days=days)
    return is_ripe and job.status(now) in statuses


def _clean(job: JobHandle, now: datetime, *, is_whole: bool, is_dry: bool) -> CleanedJob:
    """Remove what may go of one job, unless a driver works on it or it is another user's."""
    files, size_bytes, left = 0, 0, [*_reasons_not_to(job, now)]
    if not left:
        lock = job.store.at(job.layout.lock).advisory_lock()
        if lock is not None and not lock.acquire(job.layout.lock):
            left.append("a driver works on it.")
        else:
            try:
                remover = _removed(job, is_whole=is_whole, is_dry=True)
                files, size_bytes = len(remover.paths), sum(_size(job, path) for path in remover.paths)
                if not is_dry and files:
                    remover = _removed(job, is_whole=is_whole, is_dry=False)
                left += remover.refused
                if is_whole and not is_dry and job.store.exists(job.layout.job_dir):
                    left.append("it holds files that are not the job's; they were left there.")
            finally:
                if lock is not None:
                    lock.release()
    return CleanedJob(
        job_id=job.job_id,
        job_dir=job.layout.job_dir,
        is_whole=is_whole,
        files=files,
        size_bytes=size_bytes,
        left=tuple(left),
    )


def _removed(job: JobHandle, *, is_whole: bool, is_dry: bool) -> Remover:
    from data_juicer.engine.cleanup.orphan_files import sweep
    from data_juicer.engine.cleanup.whole_job import remove_job

    return (remove_job if is_whole else sweep)(job.store, job.layout, is_dry=is_dry)


def _reasons_not_to(job: JobHandle, now: datetime) -> Iterator[str]:
    for directory in job.layout.claimed_directories():
        if (reason := job.store.find_foreign(directory)) is not None:
            yield f"{directory} {reason}."
    if job.is_alive(now):
        yield "a driver works on it."


def _size(job: JobHandle, path: str) -> int:
    try:
        return job.store.stat(path).size_bytes
    except FileNotFoundError:  # a link to nothing
        return 0


def _lines(report: CleanReport) -> list[str]:
    lines = []
    for job in report.jobs:
        what = "the whole job: " if job.is_whole else "not needed: "
        if job.files:
            lines.append(f"{job.job_dir}  {what}{_amount(job.files, job.size_bytes)}")
        lines += [f"{job.job_dir}  left alone: {reason}" for reason in job.left]
    if not report.files:
        return [*lines, "nothing is there to be removed"]
    amount = _amount(report.files, report.size_bytes)
    if report.is_dry_run:
        return [*lines, f"would remove {amount}; nothing was changed (--dry_run)"]
    return [*lines, f"removed {amount}"]


def _amount(files: int, size_bytes: int) -> str:
    return f"{'1 file' if files == 1 else f'{files:,} files'}, {format_bytes(size_bytes)}"
