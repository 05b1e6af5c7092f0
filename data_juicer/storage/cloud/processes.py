"""Which process of this machine holds what, where no lock of a disk tells: an object store keeps a name after its holder died."""

from __future__ import annotations

import os

_UNKNOWN = ""


def this_process() -> str:
    """Names this process among all that this machine ever ran; empty where the system does not tell."""
    return _name_of(os.getpid())


def is_gone(name: str) -> bool:
    """Whether a process that `this_process` named is known to have ended. False for one of another machine or container."""
    machine, _, process = name.rpartition(":")
    pid, _, _ = process.partition("@")
    here = this_process()
    if not name or not pid.isdigit() or machine != here.rpartition(":")[0]:
        return False
    return _name_of(int(pid)) != name


def _name_of(pid: int) -> str:
    """`BOOT:NAMESPACE:PID@START`: a number is used again, but not with the same start."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            boot = file.read().strip()
        namespace = os.readlink("/proc/self/ns/pid")
        with open(f"/proc/{pid}/stat") as file:
            after_name = file.read().rpartition(")")[2].split()
    except OSError:
        return _UNKNOWN
    state, start = after_name[0], after_name[19]
    return _UNKNOWN if state in {"Z", "X"} else f"{boot}:{namespace.strip('pid:[]')}:{pid}@{start}"
