"""job_summary.json: what a job is, what its runs came to, and how to go on."""

from __future__ import annotations

import enum
import functools
import platform
import shlex
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from data_juicer.errors import CheckpointCorruptError, JobError, JobNotFoundError
from data_juicer.installed import find_version
from data_juicer.job.layout import JobLayout
from data_juicer.storage.base import Store
from data_juicer.store.versioned_json import FORMAT_VERSION, VersionedJson
from data_juicer.version import PROGRAM, VERSION

_DIRECTORY: Final = "-C"
"""Option of the program: the folder where it begins."""
_PACKAGES: Final = ("msgspec", "numpy", "polars", "pyarrow", "xxhash")


class JobStatus(enum.Enum):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"
    """Asked to stop by a signal, and stopped in order."""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One driver process that worked on the job."""

    number: int
    started: str
    stopped: str | None = None
    """Times as ISO 8601 in UTC; None while the run goes on, and for ever after a kill."""
    host: str
    pid: int
    outcome: JobStatus = JobStatus.RUNNING
    resume_command: str


class JobCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Rows and partitions that are committed; the totals are 0 until the sources were scanned."""

    partitions: int = 0
    partitions_done: int = 0
    partitions_failed: int = 0
    rows: int = 0
    rows_done: int = 0
    rows_out: int = 0
    rows_dead_letter: int = 0


class ChosenSizes(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of partitions that were chosen from the data (`partition.auto_configure`); every run of the job has them."""

    modality: str
    """Empty: the sizes are those of a run before the choice was asked for."""
    size: int
    max_size_mb: int
    worker_bytes: int = 0
    """Memory that a worker was expected to take; 0: not known."""
    reasons: tuple[str, ...] = ()
    """What was shown when they were chosen, a line each."""


class JobSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What `dj-jobs` and the next run know of a job before they look at anything else."""

    format_version: int = FORMAT_VERSION
    job_id: str
    job_uuid: str = ""
    """Drawn at random when the job was made; see claims.py. Empty: by an earlier version."""
    status: JobStatus
    reason: str | None = None
    """Why it failed or stopped, in one line."""
    created: str
    updated: str
    config: dict[str, Any]
    """Every setting, resolved."""
    config_digest: str
    resume_command: str
    runs: tuple[RunRecord, ...] = ()
    counts: JobCounts = JobCounts()
    auto_configuration: ChosenSizes | None = None
    """None where `partition.size` and `partition.max_size_mb` decide."""
    export_path: str | None = None
    directories: dict[str, str]
    """Every directory of the job by name, as `JobLayout.directories` gives them."""
    versions: dict[str, str]
    """Python, data_juicer and the packages that decide what is computed."""


_CODEC: Final = VersionedJson(JobSummary)


@functools.cache
def installed_versions() -> dict[str, str]:
    """The versions that a summary records, without importing the packages; looked up once a process."""
    packages = {package: find_version(package) or "not installed" for package in _PACKAGES}
    return {"python": platform.python_version(), "data_juicer": VERSION, **packages}


def resume_command(arguments: Sequence[str], job_id: str, directory: str) -> str:
    """The shell command that goes on with a job, in whatever folder it is typed.

    Args:
        arguments: what `dj-process` was called with; a `--job_id` among them is replaced.
        directory: the folder where it was called: relative paths begin there.
    """
    kept: list[str] = []
    is_id = False
    for argument in arguments:
        if is_id:
            is_id = False
        elif argument == "--job_id":
            is_id = True
        elif not argument.startswith("--job_id="):
            kept.append(argument)
    return shlex.join([PROGRAM, _DIRECTORY, directory, *kept, "--job_id", job_id])


def split_command(command: str) -> tuple[str | None, list[str]]:
    """The folder where a resume command runs, None where it does not say, and the other words after the program."""
    words = shlex.split(command)[1:]
    return (words[1], words[2:]) if words[:1] == [_DIRECTORY] else (None, words)


def command_in(command: str, directory: str) -> str:
    """A resume command as it is shown to who is in a folder: without that folder, where it is the command's own."""
    named, words = split_command(command)
    return shlex.join([PROGRAM, *words]) if named == directory else command


def seen_from(summary: JobSummary, directory: str) -> JobSummary:
    """The summary for who is in a folder: its command is as short as it may be there."""
    return msgspec.structs.replace(summary, resume_command=command_in(summary.resume_command, directory))


def encode(summary: JobSummary) -> bytes:
    """The summary as indented JSON."""
    return _CODEC.encode(summary, indent=2)


def decode(data: bytes, path: str) -> JobSummary:
    """The summary that `encode` made.

    Raises: JobError: the bytes are torn or damaged. NewerFormatError.
    """
    try:
        return _CODEC.decode(data, path)
    except CheckpointCorruptError as error:
        raise JobError(
            f"{error} Nothing was changed; checkpoints and results do not depend on this file. "
            f"Move it away to have it made anew: mv {shlex.quote(path)} {shlex.quote(path + '.damaged')}"
        ) from error


def write(store: Store, layout: JobLayout, summary: JobSummary) -> None:
    """Replace the summary: after a crash it is the old one or this one."""
    store.put(layout.summary, encode(summary))


def load(store: Store, layout: JobLayout) -> JobSummary:
    """Raises: JobNotFoundError: there is no such job. JobError: its summary cannot be read."""
    found = find(store, layout)
    if found is None:
        raise JobNotFoundError(f"{layout.summary}: there is no job {layout.job_id}.")
    return found


def find(store: Store, layout: JobLayout) -> JobSummary | None:
    """The summary; None where the job has none yet. Raises: JobError: it cannot be read."""
    try:
        data = store.read(layout.summary)
    except FileNotFoundError:
        return None
    return decode(data, layout.summary)


def has_completed(store: Store, layout: JobLayout) -> bool:
    """Whether the last run of the job ended well, as far as its summary can be read."""
    try:
        found = find(store, layout)
    except JobError:
        return False
    return found is not None and found.status is JobStatus.COMPLETED
