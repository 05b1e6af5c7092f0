"""Disks of their own that become full or read-only, and what runs on this machine."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(path: Path, size_kb: int) -> Iterator[Callable[..., None]]:
    """A disk of its own, for root on Linux; gives a function that mounts it anew, with other options."""
    path.mkdir(parents=True, exist_ok=True)

    def mount(*options: str) -> None:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(path)],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            pytest.skip("no disk of its own can be mounted here")

    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can mount a disk")
    mount(f"size={size_kb}k")
    try:
        yield lambda *options: mount("remount", *options)
    finally:
        ctypes.CDLL(None).umount2(os.fsencode(path), 2)  # MNT_DETACH: whatever still has it open
