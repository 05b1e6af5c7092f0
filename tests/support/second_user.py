"""The people of these tests: who runs the driver (root, here), and another user of the same machine."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

OTHER_UID = 61_234
"""A user that needs no entry in /etc/passwd."""

needs_second_user = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can act as a second, unprivileged user"
)


def as_other_user(deed: Callable[[], None], uid: int = OTHER_UID) -> None:
    """Do something with the rights of another user, in a process of its own. Raises: what the deed raised."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            os.umask(0o022)
            deed()
            code = 0
        except BaseException as error:
            os.write(write, repr(error).encode()[:4000])
        finally:
            os._exit(code)
    os.close(write)
    with open(read, "rb") as stream:
        reported = stream.read().decode()
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        raise AssertionError(f"the other user failed: {reported}")


def shared_folder() -> Iterator[Path]:
    """A folder that every user of the machine can reach; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="data_juicer_test_"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def command(name: str) -> str:
    """dj-process or dj-jobs of this environment."""
    return str(Path(sys.executable).parent / name)
