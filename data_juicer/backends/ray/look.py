"""A look at a cluster that runs already, for whoever wants to know how large it is; none is started.

`python -m data_juicer.backends.ray.look ADDRESS` prints the number of its CPUs. It is asked in a process of its own: Ray tries for
minutes to reach a head that is gone, and says so on the terminal.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import Final

PATIENCE_S: Final = 60.0


def count_cpus(address: str, patience_s: float = PATIENCE_S) -> int | None:
    """The CPUs of all nodes of a cluster; None where none answers in time, or Ray is not installed.

    Args:
        address: as in `ray_address`; `local` names none that could run already.
    """
    if address == "local":
        return None
    words = [sys.executable, "-m", __name__, address]
    with contextlib.suppress(subprocess.SubprocessError, OSError, ValueError):
        return int(subprocess.run(words, capture_output=True, check=True, timeout=patience_s).stdout) or None
    return None


def main() -> None:
    from data_juicer.backends.ray import cluster

    joined = cluster.join_running(sys.argv[1])
    cpus = 0 if joined is None else sum(int(node.resources.get("CPU", 0)) for node in cluster.alive_nodes())
    sys.stdout.write(f"{cpus}\n")
    if joined is not None:
        joined.leave()


if __name__ == "__main__":
    main()
