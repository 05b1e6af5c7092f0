"""What a disk refuses, for people: where, what was found, what is safe, what to do about it."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shlex
from collections.abc import Iterator
from typing import Final

from data_juicer.errors import COMMITTED_IS_SAFE, StoreError

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM})
_IN_THE_WAY: Final = frozenset({errno.ENOTDIR, errno.EISDIR})
_SAFE: Final = f"{COMMITTED_IS_SAFE};"


@contextlib.contextmanager
def translate_os_errors(doing: str, path: str, size_bytes: int | None = None) -> Iterator[None]:
    """Turn errors of the operating system into ours; a file to be read that is not there stays FileNotFoundError.

    Args:
        doing: such as "writing".
        size_bytes: what was to be written, where it is known.
    Raises: StoreError.
    """
    try:
        yield
    except OSError as error:
        if doing == "reading" and isinstance(error, FileNotFoundError):
            raise
        found, advice = _explain(error, doing, path, size_bytes)
        raise StoreError(f"{path}: {doing} failed: {found}.", advice, reason=found) from error


def volume(path: str) -> int | None:
    """The device of the file system that a path is on, or will be on."""
    try:
        return os.stat(_nearest(path)).st_dev
    except OSError:
        return None


def free_bytes(path: str) -> int | None:
    """Room on the disk of a path, or of the nearest directory above it that exists; None where it is not known."""
    try:
        room = os.statvfs(_nearest(path))
    except OSError:
        return None
    return room.f_bavail * room.f_frsize


def has_inodes(path: str) -> bool:
    """Whether the disk of a path takes one more file; true where that is not known.

    File systems that make inodes as they are needed, such as btrfs, tell 0 of 0.
    """
    try:
        room = os.statvfs(_nearest(path))
    except OSError:
        return True
    return room.f_favail > 0 or room.f_files == 0


def _explain(error: OSError, doing: str, path: str, size_bytes: int | None) -> tuple[str, str]:
    """What was found; what is safe and what to do."""
    reason = error.strerror or str(error)
    if error.errno == errno.ENOSPC and not has_inodes(path):
        return f"{reason}: {no_inodes(path)}", f"{_SAFE} remove files there and start the job again."
    if error.errno in _FULL:
        return f"{reason}{_room(path, size_bytes)}", f"{_SAFE} make room and start the job again."
    if error.errno == errno.EFBIG:
        found, advice = _too_large()
        return f"{reason}: {found}", f"{_SAFE} {advice} and start the job again."
    if error.errno == errno.EROFS:
        advice = "mount that disk for writing, or name another directory, and start the job again."
        return reason, f"{_SAFE} {advice}"
    if error.errno in _DENIED:
        place = _nearest(path)
        return reason, f"{_SAFE} let user {_user()} read and write {place} and start the job again."
    if error.errno == errno.ENOENT and os.path.islink(path):
        return f"it is a link to {os.readlink(path)}, which is not there", _move_away(path)
    if error.errno == errno.ENOENT and (gone := _highest_missing(path)):
        return f"the directory {gone} is gone", (
            "Bring it back (mount its disk, move it back) and start the job again: what was committed in it is "
            "used then; as long as it is away that part is done anew. What was committed elsewhere is safe."
        )
    if error.errno == errno.EEXIST and os.path.lexists(path):
        done = "read from" if doing == "reading" else "written through"
        return f"{_what_is(path)} has its name, and nothing is {done} it", _move_away(path)
    if error.errno in _IN_THE_WAY:
        place = _nearest(path)
        found, expected = ("directory", "file") if os.path.isdir(place) else ("file", "directory")
        return f"{place} is a {found}, a {expected} is expected", _move_away(place)
    return reason, f"{_SAFE} see to that disk and start the job again."


def no_inodes(path: str) -> str:
    """Of a disk that takes no more files, however many bytes are free."""
    return f"no inodes are left on the disk of {_nearest(path)}"


def _what_is(path: str) -> str:
    if os.path.islink(path):
        return f"a link to {os.readlink(path)}"
    return "a directory" if os.path.isdir(path) else "a pipe, a socket or a device"


def _room(path: str, size_bytes: int | None) -> str:
    """How much is needed, and how much there is."""
    free = free_bytes(path)
    needed = "" if size_bytes is None else f"{size_bytes:,} bytes are needed"
    free_text = "" if free is None else f"{free:,} are free" if needed else f"{free:,} bytes are free"
    found = ", ".join(filter(None, (needed, free_text)))
    return f" ({found})" if found else ""


def _move_away(path: str) -> str:
    command = f"mv {shlex.quote(path)} {shlex.quote(path + '.away')}"
    return f"{_SAFE} move it away and start the job again: {command}"


def _nearest(path: str) -> str:
    """The path itself, or what is nearest above it and exists."""
    path = os.path.abspath(path)
    while not os.path.lexists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path


def _highest_missing(path: str) -> str | None:
    """The directory above a path that is not there, the highest one; None where all are."""
    above, found = os.path.dirname(os.path.abspath(path)), None
    while not os.path.isdir(above) and above != os.path.dirname(above):
        above, found = os.path.dirname(above), above
    return found


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an entry for it
        return str(os.geteuid())


def _too_large() -> tuple[str, str]:
    """What takes no larger file: a limit of this process, or else the file system; and what to do."""
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit == resource.RLIM_INFINITY:
        return "its file system takes no file of this size", "name a directory on another disk"
    return f"this process may write {limit:,} bytes into a file", "raise that limit (ulimit -f unlimited)"
