"""Files and directories of this machine that are opened without following a link."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import Final

from data_juicer.storage.capabilities import OwnDirectory
from data_juicer.storage.os_errors import translate_os_errors
from data_juicer.storage.owners import find_foreign_descriptor, user_name

MODE: Final = 0o666
"""Of new files, less the umask."""
_NO_LINK: Final = os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | _NO_LINK
_TRIES: Final = 3
"""A name may be taken again while it is made free."""


def open_new(path: str) -> int:
    """A descriptor, to write to, of a file that did not exist; a regular file that has the name loses it.

    So nothing is ever written through a link that somebody planted under the name.
    Raises: FileExistsError: a link, a pipe or a device has the name. IsADirectoryError. OSError.
    """
    for _ in range(_TRIES):
        try:
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, MODE)
        except FileExistsError:
            status = os.lstat(path)
            if stat.S_ISDIR(status.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path) from None
            if stat.S_ISLNK(status.st_mode) and not os.path.exists(path):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None
            if not stat.S_ISREG(status.st_mode):
                raise
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)


def open_to_read(path: str, _: int = os.O_RDONLY) -> int:
    """A descriptor, to read from, of a regular file, which may be reached through links; also an `opener` of `open`.

    A pipe that somebody planted under the name would be waited for, and a device has no end.
    Raises: FileExistsError: a pipe, a socket or a device has the name. IsADirectoryError. OSError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:  # a socket
            raise
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EEXIST
    raise OSError(number, os.strerror(number), path)


def open_held(path: str, flags: int) -> int:
    """A descriptor of a regular file that is changed in place.

    Args:
        flags: such as O_WRONLY | O_APPEND | O_CREAT.
    Raises: FileExistsError: a link, a pipe or a device has the name. OSError.
    """
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK | _NO_LINK, MODE)
    except OSError as error:
        if error.errno not in {errno.ELOOP, errno.ENXIO}:
            raise
        if error.errno == errno.ELOOP and not os.path.exists(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
    return descriptor


class PosixDirectory(OwnDirectory):
    """A directory by its descriptor."""

    def __init__(self, descriptor: int, path: str) -> None:
        """
        Args:
            path: what errors call it.
        """
        self._descriptor = descriptor
        self._path = path
        self._uid = os.fstat(descriptor).st_uid

    def list(self) -> list[str]:
        return sorted(os.listdir(self._descriptor))

    def read(self, name: str) -> bytes:
        with translate_os_errors("reading", os.path.join(self._path, name)):
            found = self._look_at(name)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != self._uid:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
            descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | _NO_LINK, dir_fd=self._descriptor)
            with open(descriptor, "rb") as stream:
                return stream.read()

    def remove(self, name: str) -> None:
        with (
            translate_os_errors("removing", os.path.join(self._path, name)),
            contextlib.suppress(FileNotFoundError),
        ):
            found = self._look_at(name)
            if found.st_uid != self._uid:
                raise PermissionError(errno.EPERM, f"it belongs to {user_name(found.st_uid)}", name)
            os.unlink(name, dir_fd=self._descriptor)

    @contextlib.contextmanager
    def inside(self, name: str) -> Iterator[OwnDirectory | None]:
        path = os.path.join(self._path, name)
        try:
            descriptor = os.open(name, _DIRECTORY, dir_fd=self._descriptor)
        except OSError:
            yield None
            return
        try:
            is_own = os.fstat(descriptor).st_uid == self._uid
            yield PosixDirectory(descriptor, path) if is_own else None
        finally:
            os.close(descriptor)

    def remove_dir(self, name: str) -> None:
        with contextlib.suppress(OSError):
            os.rmdir(name, dir_fd=self._descriptor)

    def sync(self) -> None:
        with translate_os_errors("syncing", self._path):
            os.fsync(self._descriptor)

    def _look_at(self, name: str) -> os.stat_result:
        return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)


@contextlib.contextmanager
def open_directory(path: str) -> Iterator[PosixDirectory | None]:
    """A directory of this user's alone; None where there is none, and for a link or a directory that others may change."""
    try:
        descriptor = os.open(path, _DIRECTORY)
    except OSError:
        yield None
        return
    try:
        foreign = find_foreign_descriptor(descriptor, os.path.dirname(os.path.abspath(path)))
        yield None if foreign else PosixDirectory(descriptor, path)
    finally:
        os.close(descriptor)
