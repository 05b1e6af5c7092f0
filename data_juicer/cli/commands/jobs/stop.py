"""dj-jobs stop."""

from __future__ import annotations

import argparse
import os
import platform
import signal
from typing import Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.clock import Clock, SystemClock
from data_juicer.errors import JobError
from data_juicer.job.lock import RunClaim, find_owner
from data_juicer.monitor.handle import JobHandle

NAME: Final = "stop"
HELP: Final = "Ask the driver of a running job to finish the partitions in flight and to stop."

_POLL_S: Final = 0.2


class StopReport(msgspec.Struct, frozen=True, kw_only=True):
    job_id: str
    run: int
    pid: int
    has_stopped: bool
    resume_command: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job, or the path of its folder")
    parser.add_argument(
        "--wait",
        type=float,
        default=60.0,
        metavar="S",
        help="seconds to wait for its end (default: %(default)s)",
    )


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> int | None:
    job = JobHandle.open(arguments.work_dir, arguments.job)
    clock = SystemClock()
    owner = ask_to_stop(job, clock)
    until_s = clock.monotonic_s() + arguments.wait
    while (is_alive := job.is_alive(clock.now())) and clock.monotonic_s() < until_s:
        clock.sleep_s(_POLL_S)
    report = StopReport(
        job_id=job.job_id,
        run=owner.run,
        pid=owner.pid,
        has_stopped=not is_alive,
        resume_command=job.summary.resume_command,
    )
    output.emit(report, lambda _: _lines(report))
    return 1 if is_alive else None


def ask_to_stop(job: JobHandle, clock: Clock) -> RunClaim:
    """Send the driver of a job the signal to stop in order. Returns: which run it is. Raises: JobError: there is none here."""
    owner = find_owner(job.store, job.layout)
    if owner is None or not job.is_alive(clock.now()):
        raise JobError(
            f"{job.job_id}: no driver works on this job; there is nothing to stop. Nothing was changed."
        )
    _check_driver(owner, job)
    os.kill(owner.pid, signal.SIGTERM)
    return owner


def _lines(report: StopReport) -> list[str]:
    run = f"{report.job_id}: run {report.run}"
    if report.has_stopped:
        return [f"{run} stopped; what was committed is safe", f"resume  {report.resume_command}"]
    return [
        f"{run} (pid {report.pid}) was asked to stop and still finishes partitions in flight",
        f"to leave at once: kill -TERM {report.pid}",
    ]


def _check_driver(owner: RunClaim, job: JobHandle) -> None:
    """Only the process that holds the lock of this job is sent a signal: a claim is a file, and may say anything.

    Raises: JobError.
    """
    if owner.host != platform.node():
        raise JobError(
            f"{job.job_id}: run {owner.run} works on host {owner.host}. Nothing was changed. To stop it, type there: "
            f"kill -TERM {owner.pid}"
        )
    if not _holds(owner.pid, job.layout.lock):
        raise JobError(
            f"{job.job_id}: process {owner.pid} does not hold {job.layout.lock}, or belongs to another user. It was "
            "not sent a signal. Nothing was changed."
        )


def _holds(pid: int, lock_path: str) -> bool:
    """Whether a process of this user has the lock file open."""
    folder = f"/proc/{pid}/fd"
    try:
        lock = os.stat(lock_path)
        return any(
            (status.st_dev, status.st_ino) == (lock.st_dev, lock.st_ino)
            for name in os.listdir(folder)
            if (status := _find_stat(f"{folder}/{name}")) is not None
        )
    except OSError:
        return False


def _find_stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:  # closed meanwhile
        return None
