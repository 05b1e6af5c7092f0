"""The lock that the operating system takes away when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from typing import Final

from data_juicer.errors import COMMITTED_IS_SAFE, StoreError
from data_juicer.storage.os_errors import translate_os_errors
from data_juicer.storage.posix_files import open_held

_TRIES: Final = 20
_PAUSE_S: Final = 0.005
"""`is_held` takes the lock for an instant to look; a driver that starts at that moment must not be refused for it."""


class FileLock:
    """An flock on a file that is never removed: to remove it would let two processes lock two files of one name."""

    def __init__(self) -> None:
        self._descriptor: int | None = None

    def acquire(self, path: str) -> bool:
        with translate_os_errors("opening it for locking", path):
            descriptor = open_held(path, os.O_RDWR | os.O_CREAT)
        for _ in range(_TRIES):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_PAUSE_S)
            except OSError as error:
                os.close(descriptor)
                raise StoreError(
                    f"{path}: locking failed: {error.strerror}.",
                    f"{COMMITTED_IS_SAFE}; give a work_dir on a disk that has locks and start the job again.",
                ) from error
            else:
                self._descriptor = descriptor
                return True
        os.close(descriptor)
        return False

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_held(path: str) -> bool:
    """Whether a process of this machine holds the lock. Creates nothing."""
    try:
        descriptor = open_held(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


@contextlib.contextmanager
def held_exclusively(path: str) -> Iterator[None]:
    """Keep out all others who ask for the same path, for the few steps of one change; they wait. Raises: StoreError."""
    with translate_os_errors("locking", path):
        descriptor = open_held(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except BaseException:
            os.close(descriptor)
            raise
    try:
        yield
    finally:
        os.close(descriptor)
