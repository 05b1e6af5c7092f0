"""Which job a directory belongs to: `job_claim.json` in the job's directory, and in those for checkpoints and events that
lie elsewhere.

Two recipes with one job_id, one checkpoint_dir and two work_dirs are two jobs. Each job draws a random number for itself;
a directory carries the number of the job that was there first, and another job is refused. The number stays when a job is
moved; a copy of a job draws its own.
"""

from __future__ import annotations

import os
import shlex
import uuid
from typing import Final

import msgspec

from data_juicer.errors import CheckpointCorruptError, ConfigError, DataJuicerError
from data_juicer.job import summary as summaries
from data_juicer.job.layout import CLAIM_NAME, JobLayout
from data_juicer.storage.base import Store
from data_juicer.store.versioned_json import FORMAT_VERSION, VersionedJson


class DirectoryClaim(msgspec.Struct, frozen=True, kw_only=True):
    """Which job a directory belongs to, and where that job lay when it was last opened."""

    format_version: int = FORMAT_VERSION
    job_id: str
    job_uuid: str
    job_dir: str
    host: str


_CODEC: Final = VersionedJson(DirectoryClaim)


class _Held(msgspec.Struct, frozen=True, kw_only=True):
    """The claims that were found."""

    job_uuid: str
    """Of the job that is opened."""
    claims: dict[str, DirectoryClaim | None]
    """Directory -> its claim; None where it has none that can be read."""


def check_directories(store: Store, layout: JobLayout, host: str) -> None:
    """Make sure that the directories of a job, as far as there are any, are this user's and this job's. Changes nothing.

    Raises: ConfigError: one is a link, belongs to another user or job, or others may write into it.
    """
    for directory in layout.own_directories():
        if (reason := store.find_foreign(directory)) is not None:
            raise ConfigError(
                f"{directory} {reason}: what lies in it cannot be trusted. Nothing was changed. "
                f"{_how_to_go_on(layout, directory, reason)}"
            )
    _find(store, layout, host)


def claim_directories(store: Store, layout: JobLayout, host: str) -> str:
    """Write the claims of a locked job whose directories exist; returns the number of the job.

    Raises: ConfigError: another job claimed a directory in the meantime.
    """
    newest = _find(store, layout, host)
    wanted = DirectoryClaim(job_id=layout.job_id, job_uuid=newest.job_uuid, job_dir=layout.job_dir, host=host)
    for directory, claim in newest.claims.items():
        path = os.path.join(directory, CLAIM_NAME)
        if claim is None and not store.exists(path):
            if not store.put_if_absent(path, _CODEC.encode(wanted)):
                _find(store, layout, host)
        elif claim != wanted:
            store.put(path, _CODEC.encode(wanted))
    return newest.job_uuid


def decode_claim(data: bytes, path: str) -> DirectoryClaim:
    """Raises: CheckpointCorruptError, NewerFormatError."""
    return _CODEC.decode(data, path)


def find_claim(store: Store, directory: str) -> DirectoryClaim | None:
    """The claim on a directory; None where there is none that can be read. Raises: NewerFormatError."""
    path = os.path.join(directory, CLAIM_NAME)
    try:
        return decode_claim(store.read(path), path)
    except (FileNotFoundError, CheckpointCorruptError):
        return None


def _find(store: Store, layout: JobLayout, host: str) -> _Held:
    claims = {directory: find_claim(store, directory) for directory in layout.claimed_directories()}
    job_uuid = _job_uuid(store, layout, host, claims)
    for directory, claim in claims.items():
        if claim is not None and claim.job_uuid != job_uuid and directory != layout.job_dir:
            raise _taken(directory, claim)
    return _Held(job_uuid=job_uuid, claims=claims)


def _job_uuid(store: Store, layout: JobLayout, host: str, claims: dict[str, DirectoryClaim | None]) -> str:
    """The number of the job in `layout.job_dir`: its own, that of its former directories, or a new one."""
    own = claims[layout.job_dir]
    if own is not None:
        return uuid.uuid4().hex if _is_copy(store, own, layout, host) else own.job_uuid
    if known := _in_summary(store, layout):
        return known
    for claim in claims.values():
        if claim is not None and (claim.job_dir, claim.host) == (layout.job_dir, host):
            return claim.job_uuid  # the directory of the job was lost, what is elsewhere was not
    return uuid.uuid4().hex


def _is_copy(store: Store, own: DirectoryClaim, layout: JobLayout, host: str) -> bool:
    """Whether the job that wrote the claim still is where it was, so that this is a copy of its directory."""
    if own.host != host or store.is_same(own.job_dir, layout.job_dir):
        return False
    there = find_claim(store, own.job_dir)
    return there is not None and there.job_uuid == own.job_uuid


def _in_summary(store: Store, layout: JobLayout) -> str:
    try:
        summary = summaries.find(store, layout)
    except DataJuicerError:
        return ""
    return summary.job_uuid if summary else ""


def _taken(directory: str, claim: DirectoryClaim) -> ConfigError:
    path = os.path.join(directory, CLAIM_NAME)
    return ConfigError(
        f"{directory} belongs to the job {claim.job_id} in {claim.job_dir} on {claim.host}, which is another job of the "
        f"same name. Nothing was changed. Give this one a job_id or directories of its own; "
        f"if the other job is gone: rm {shlex.quote(path)}"
    )


def _how_to_go_on(layout: JobLayout, directory: str, reason: str) -> str:
    if reason.startswith("is a link"):
        return f"Move it away: mv {shlex.quote(directory)} {shlex.quote(directory + '.away')}"
    if reason.startswith("belongs"):
        return f"Give this job an id other than {layout.job_id}, or directories of its own."
    return f"Look at what lies in it, and close it to others: chmod -R go-w {shlex.quote(directory)}"
