"""A worker process that is stopped for a minute, on this machine and on a Ray cluster of two nodes: what it costs.

The times are those of this machine, which may be busy: the same job without a stopped worker runs just before.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from data_juicer.testing import jobs
from tests.support.processes import alive

pytestmark = pytest.mark.slow

STOPPED_S = 60.0
COST_S_MAX = 10.0
PARTITIONS = 40
GONE_S = 20.0
SLOW_MAPPER = """
import time

from data_juicer.ops.base_op import OPERATORS, Mapper


@OPERATORS.register_module("slow_upper_mapper")
class SlowUpperMapper(Mapper):
    _batched_op = True

    def process_batched(self, samples):
        time.sleep(0.5)
        samples["text"] = [text.upper() for text in samples["text"]]
        return samples
"""


class Job:
    """A job in a process of its own."""

    def __init__(self, folder: Path, name: str, *arguments: str) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        (folder / "slow_upper_mapper.py").write_text(SLOW_MAPPER)
        rows = (json.dumps({"id": n, "text": f"row number {n}"}) for n in range(PARTITIONS * 5))
        (folder / "in.jsonl").write_text("\n".join(rows) + "\n")
        recipe = {
            "dataset_path": str(folder / "in.jsonl"),
            "export_path": str(self.folder / "result.jsonl"),
            "custom_operator_paths": [str(folder / "slow_upper_mapper.py")],
            "process": [{"slow_upper_mapper": {}}, {"whitespace_normalization_mapper": {}}],
            "partition": {"size": 5},
            "np": 2,
        }
        (self.folder / "recipe.yaml").write_text(json.dumps(recipe))
        drive = "import sys; from data_juicer.cli.process import main; sys.exit(main())"
        command = [sys.executable, "-c", drive, "--config", str(self.folder / "recipe.yaml")]
        self.started_s = time.monotonic()
        self.process = subprocess.Popen(
            [*command, "--job_id", jobs.JOB_ID, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def events(self) -> list[dict[str, object]]:
        path = self.folder / jobs.JOB_ID / "event_logs" / "events.jsonl"
        return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []

    def wait_for(self, event_type: str, count: int) -> None:
        while sum(event["event_type"] == event_type for event in self.events) < count:
            assert self.process.poll() is None
            assert time.monotonic() - self.started_s < 120
            time.sleep(0.1)

    def copies(self, what: str) -> int:
        return sum(dict(event.get("data") or {}).get("copy") == what for event in self.events)  # type: ignore[call-overload]

    def end(self) -> float:
        """What it took, in seconds."""
        assert self.process.wait(240) == 0
        return time.monotonic() - self.started_s


def stop_for_a_minute(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(STOPPED_S, _go_on, [pid]).start()


def _go_on(pid: int) -> None:
    if alive(pid):
        os.kill(pid, signal.SIGCONT)


def workers_below(pid: int) -> list[int]:
    """Worker processes among the descendants of a process."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        try:
            if any("worker_main" in word for word in process.cmdline()):
                found.append(process.pid)
        except psutil.Error:
            pass  # it has ended
    return found


def check(folder: Path, above: int | None, *arguments: str) -> None:
    """Run a job undisturbed and one with a stopped worker.

    Args:
        above: the process that workers descend from; None: the driver.
    """
    plain = Job(folder, "plain", *arguments)
    plain_s = plain.end()
    stopped = Job(folder, "stopped", *arguments)
    stopped.wait_for("PARTITION_COMPLETE", 6)
    pid = workers_below(above or stopped.process.pid)[0]
    stop_for_a_minute(pid)
    took_s = stopped.end()
    assert (stopped.folder / "result.jsonl").read_bytes() == (plain.folder / "result.jsonl").read_bytes()
    assert took_s - plain_s <= COST_S_MAX
    assert stopped.copies("won") >= 1
    assert plain.copies("started") == 0
    deadline_s = time.monotonic() + GONE_S
    while alive(pid) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert not alive(pid)


def test_on_this_machine_with_copies_asked_for(tmp_path: Path) -> None:
    check(tmp_path, None, "--fault_tolerance.speculate", "always")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 80 << 20}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    cluster.add_node(**node)
    yield cluster.address
    cluster.shutdown()


@pytest.mark.xdist_group("ray")  # one cluster at a time on this machine
def test_on_ray_as_it_is(tmp_path: Path, address: str) -> None:
    check(tmp_path, os.getpid(), "--executor_type", "ray_partitioned", "--ray_address", address)
