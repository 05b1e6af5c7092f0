"""What operators ask of a Ray cluster, what they hold on to there, and how much Ray holds at a time."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="the extra ray is not installed")

from data_juicer.backends.ray.agent_handle import AgentHandle
from data_juicer.backends.ray.backend import RayBackend
from data_juicer.core.executor.factory import make_executor
from data_juicer.engine.run_context import RunControl
from data_juicer.events import types as t
from data_juicer.testing import jobs

pytestmark = pytest.mark.xdist_group("ray")  # one cluster at a time on this machine

MODEL_MAPPER = '''
"""A mapper with a model, which it loads when it is made, and a GPU, half of which it asks for."""

import os

from data_juicer.ops.base_op import OPERATORS, Mapper


@OPERATORS.register_module("model_mapper")
class ModelMapper(Mapper):
    num_gpus = 0.5

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        with open(os.path.join({folder!r}, "loads"), "a") as loads:
            loads.write(f"pid {{os.getpid()}}\\n")

    def process_single(self, sample):
        sample["text"] += " on GPU " + os.environ.get("CUDA_VISIBLE_DEVICES", "none")
        return sample
'''

WAITING_MAPPER = '''
"""A mapper that changes nothing; one row makes it wait until there is a file."""

import os
import time

from data_juicer.ops.base_op import OPERATORS, Mapper


@OPERATORS.register_module("waiting_mapper")
class WaitingMapper(Mapper):
    def process_single(self, sample):
        while sample["text"] == "row 50" and not os.path.exists({go!r}):
            time.sleep(0.02)
        return sample
'''


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A cluster of one node that says it has four processors and a GPU."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 4, "num_gpus": 1, "memory": 4 << 30, "object_store_memory": 80 << 20}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    yield cluster.address
    cluster.shutdown()


class Job:
    """A job in a folder of its own, watched."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.watch = jobs.Watch()
        self._settings = {"executor_type": "ray", "ray_address": address}

    def run(self, process: list[Any], rows: int = 120, **settings: Any) -> None:
        lines = (json.dumps({"text": f"row {row}"}) for row in range(rows))
        (self.folder / "in.jsonl").write_text("\n".join(lines) + "\n")
        given = {"partition.size": 5, "fault_tolerance.retry_backoff": "fixed", **self._settings, **settings}
        config = jobs.recipe(str(self.folder / "job"), [str(self.folder / "in.jsonl")], process, given)
        make_executor(config, RunControl(observers=(self.watch,))).run(config)

    @property
    def workers(self) -> int:
        (start,) = self.watch.events(t.ProcessingStart)
        return int(start.data.workers)

    @property
    def texts(self) -> list[str]:
        lines = (self.folder / "job" / "result.jsonl").read_text().splitlines()
        return [json.loads(line)["text"] for line in lines]


@pytest.fixture
def job(tmp_path: Path, address: str) -> Job:
    return Job(tmp_path, address)


@pytest.mark.parametrize(
    ("asked", "workers"), [({}, 4), ({"num_cpus": 2}, 2), ({"memory": "3GB"}, 1), ({"num_gpus": 0.3}, 3)]
)
def test_there_are_as_many_workers_as_an_entry_leaves_room_for(
    job: Job, asked: dict[str, Any], workers: int
) -> None:
    job.run([{"clean_links_mapper": asked}], rows=5)
    assert job.workers == workers


def test_an_operator_is_given_the_gpu_that_it_declares_and_loads_its_model_once_a_worker(job: Job) -> None:
    (job.folder / "model_mapper.py").write_text(MODEL_MAPPER.format(folder=str(job.folder)))
    job.run(["model_mapper"], custom_operator_paths=[str(job.folder / "model_mapper.py")])
    assert job.workers == 2, "halves of a GPU"
    assert job.texts == [f"row {row} on GPU 0" for row in range(120)]
    loads = Counter((job.folder / "loads").read_text().splitlines())
    workers = {start.data.worker for start in job.watch.events(t.PartitionStart)}
    assert {worker: loads[worker] for worker in workers} == dict.fromkeys(workers, 1)
    assert len(job.watch.events(t.PartitionStart)) == 24 > len(workers)


GPU_USER = """
import os

from data_juicer.ops.base_op import OPERATORS, Mapper


@OPERATORS.register_module("gpu_mapper")
class GpuMapper(Mapper):
    num_gpus = 1

    def process_single(self, sample):
        with open(os.path.join({folder!r}, "gpu_" + str(os.getpid())), "w") as seen:
            seen.write(os.environ.get("CUDA_VISIBLE_DEVICES", "none"))
        sample["text"] += " seen"
        return sample


@OPERATORS.register_module("cpu_mapper")
class CpuMapper(Mapper):
    def process_single(self, sample):
        with open(os.path.join({folder!r}, "cpu_" + str(os.getpid())), "w") as seen:
            seen.write(os.environ.get("CUDA_VISIBLE_DEVICES", "none"))
        return sample
"""


def test_only_the_stages_of_a_gpu_operator_run_on_workers_that_hold_a_gpu(job: Job, tmp_path: Path) -> None:
    path = job.folder / "operators.py"
    path.write_text(GPU_USER.format(folder=str(job.folder)))
    process = ["cpu_mapper", "gpu_mapper", "whitespace_normalization_mapper"]
    job.run(process, custom_operator_paths=[str(path)])
    seen = {name.name[:4]: set() for name in job.folder.glob("?pu_*")}
    pids: dict[str, set[str]] = {"cpu_": set(), "gpu_": set()}
    for name in job.folder.glob("?pu_*"):
        seen[name.name[:4]].add(name.read_text())
        pids[name.name[:4]].add(name.name[4:])
    assert seen["gpu_"] == {"0"}
    assert "0" not in seen["cpu_"]
    assert not pids["cpu_"] & pids["gpu_"], "no worker does both"
    assert len(pids["gpu_"]) == 1, "there is one GPU"
    inline = jobs.recipe(
        str(tmp_path / "inline"),
        [str(job.folder / "in.jsonl")],
        process,
        {"partition.size": 5, "custom_operator_paths": [str(path)]},
    )
    make_executor(inline).run(inline)
    assert (tmp_path / "inline" / "result.jsonl").read_bytes() == (
        job.folder / "job" / "result.jsonl"
    ).read_bytes()


def test_ray_holds_two_attempts_a_worker_at_most(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    present: list[tuple[int, int]] = []
    hand_out = RayBackend._hand_out

    def watched(backend: RayBackend) -> None:
        hand_out(backend)
        flights = sum(len(agent.flights) for agent in backend._agents)
        present.append((flights, sum(map(len, backend._waiting.values()))))

    monkeypatch.setattr(RayBackend, "_hand_out", watched)
    job.run([], rows=600, **{"partition.size": 1, "np": 2})
    assert len(job.watch.events(t.PartitionComplete)) == 600
    assert max(flights for flights, _ in present) == 4
    assert max(flights + waiting for flights, waiting in present) <= 4, (
        "the driver keeps the others to itself"
    )


def test_an_agent_that_is_killed_costs_the_attempt_that_it_was_at(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the kernel or Ray's memory monitor does where memory gives out."""
    go = job.folder / "go"
    (job.folder / "waiting_mapper.py").write_text(WAITING_MAPPER.format(go=str(go)))
    follow = AgentHandle.follow

    def watched(agent: AgentHandle, stream: Any, reported: list[Any]) -> list[Any]:
        messages = follow(agent, stream, reported)
        at_hand = [
            present.attempt.partition.partition_id for present in agent.flights.values() if present.has_begun
        ]
        if not go.exists() and 10 in at_hand and agent.facts:
            os.kill(agent.facts.pid, signal.SIGKILL)
            go.touch()
        return messages

    monkeypatch.setattr(AgentHandle, "follow", watched)
    job.run(["waiting_mapper"], custom_operator_paths=[str(job.folder / "waiting_mapper.py")], np=2)
    (failed,) = job.watch.events(t.PartitionFailed)
    assert (failed.partition_id, failed.data.error_type) == (10, "WorkerLost")
    assert failed.data.retry_in_s is not None
    assert job.texts == [f"row {row}" for row in range(120)]
