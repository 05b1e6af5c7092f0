"""What a path of this machine leads to, whose it is, and who else may write into it."""

from __future__ import annotations

import os
import stat
from typing import Final

_GROUP_WRITE: Final = stat.S_IWGRP
_ALL_WRITE: Final = stat.S_IWOTH


def find_foreign(path: str) -> str | None:
    """Why somebody else decides about what is in a directory; None where nobody does, and where there is none.

    It has to be a directory and no link, of this user, that neither a group nor everybody may write into. Storage that
    gives every file the same owner or mode, as mounts of other systems do, is measured by what it gives a file made now.
    """
    try:
        found = os.lstat(path)
    except OSError:  # what is wrong with it is reported by the code that makes it
        return None
    if stat.S_ISLNK(found.st_mode):
        return f"is a link to {os.readlink(path)}"
    return _foreign(found, os.path.dirname(os.path.abspath(path)))


def find_foreign_descriptor(descriptor: int, parent: str) -> str | None:
    """The same of a directory that is open; `parent`: a directory of the same storage where a file may be made."""
    return _foreign(os.fstat(descriptor), parent)


def find_open_to_all(path: str) -> str | None:
    """What of a directory lets others replace this user's files in it; None where that is not so.

    A directory with the sticky bit, as /tmp has it, is open to all and lets nobody touch another's files.
    """
    try:
        found = os.stat(path)
    except OSError:
        return None
    if found.st_mode & stat.S_ISVTX or not found.st_mode & _ALL_WRITE:
        return None
    keeps_modes = _probe(path)
    return f"mode {_mode(found)} without the sticky bit" if keeps_modes is None or keeps_modes[1] else None


def find_untrusted(path: str) -> str | None:
    """Who besides this user and the administrator can change a file, or a folder above it; None where nobody can.

    Groups are not looked at: many systems give folders of the administrator to one.
    """
    path = os.path.realpath(path)
    while True:
        try:
            found = os.stat(path)
        except OSError:
            return None
        if found.st_uid not in {0, os.geteuid()}:
            return f"{path} belongs to {user_name(found.st_uid)}"
        is_sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
        if found.st_mode & _ALL_WRITE and not is_sticky:
            return f"everybody may change {path} (mode {_mode(found)})"
        if path == os.path.dirname(path):
            return None
        path = os.path.dirname(path)


def find_kind(path: str) -> str | None:
    """What a path leads to if that is no file; None for a regular file, and where nothing is."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return None
    if stat.S_ISREG(mode):
        return None
    kinds = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def _foreign(found: os.stat_result, parent: str) -> str | None:
    if not stat.S_ISDIR(found.st_mode):
        return None  # in the way, which is reported by the code that makes the directory
    is_others = found.st_uid != os.geteuid()
    is_open = bool(found.st_mode & _ALL_WRITE) or (
        bool(found.st_mode & _GROUP_WRITE) and not _is_private(found.st_gid)
    )
    if not is_others and not is_open:
        return None
    own_uid, keeps_modes = _probe(parent) or (os.geteuid(), True)
    if is_others and found.st_uid != own_uid:
        return f"belongs to {user_name(found.st_uid)}, this process to {user_name(os.geteuid())}"
    if is_open and keeps_modes:
        who = "everybody" if found.st_mode & _ALL_WRITE else f"group {_group_name(found.st_gid)}"
        return f"may be written into by {who} (mode {_mode(found)})"
    return None


def _probe(directory: str) -> tuple[int, bool] | None:
    """The owner that a new file gets here, and whether its mode is kept; None where no file can be made."""
    path = os.path.join(directory, f".owner.{os.urandom(8).hex()}")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        made = os.fstat(descriptor)
        os.unlink(path)
    finally:
        os.close(descriptor)
    return made.st_uid, not made.st_mode & (_GROUP_WRITE | _ALL_WRITE)


def _is_private(gid: int) -> bool:
    """Whether a group is that of one user alone, as many systems make one for each."""
    import grp

    if gid != os.geteuid():
        return False
    try:
        members = grp.getgrgid(gid).gr_mem
    except (KeyError, OSError):
        return True
    return set(members) <= {_name_of(os.geteuid())}


def user_name(uid: int) -> str:
    """`user nobody (65534)`, or the number alone where it has no name."""
    name = _name_of(uid)
    return f"user {name} ({uid})" if name else f"user {uid}"


def _name_of(uid: int) -> str | None:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OSError):
        return None


def _group_name(gid: int) -> str:
    import grp

    try:
        return grp.getgrgid(gid).gr_name
    except (KeyError, OSError):
        return str(gid)


def _mode(found: os.stat_result) -> str:
    return f"{stat.S_IMODE(found.st_mode):04o}"
