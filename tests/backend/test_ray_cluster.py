"""A Ray cluster of three nodes on this machine: nodes and drivers die, and the bytes stay the same.

A seed says at which moments; what happens at them is up to the machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from data_juicer.core.executor.factory import make_executor
from data_juicer.errors import BackendError, ConfigError, JobError
from data_juicer.events import types as t
from data_juicer.store.filesystem import LocalFileSystem
from data_juicer.testing import jobs

pytest.importorskip("ray", reason="the extra ray is not installed")

FS = LocalFileSystem()
PARTITIONS = 200
WORKERS_GONE_S = 30.0
DRIVE = "import sys; from data_juicer.cli.process import main; sys.exit(main())"
SLOW_MAPPER = '''
"""A mapper that takes its time, so that there is a middle of the job."""

import time

from data_juicer.ops.base_op import OPERATORS, Mapper


@OPERATORS.register_module("slow_mapper")
class SlowMapper(Mapper):
    def process_single(self, sample):
        time.sleep(0.005)
        return sample
'''
NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}


@contextmanager
def cluster(nodes: int) -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    try:
        for _ in range(nodes - 1):
            made.add_node(**NODE)
        yield made
    finally:
        made.shutdown()


def settings(folder: Path, name: str, **more: Any) -> dict[str, Any]:
    return {
        "dataset_path": str(folder / "in.jsonl"),
        "export_path": str(folder / name / "result.jsonl"),
        "work_dir": str(folder / name),
        "process": ["clean_links_mapper", "slow_mapper", {"text_length_filter": {"min_len": 12}}],
        "custom_operator_paths": [str(folder / "slow_mapper.py")],
        "partition": {"size": 10},
        "fault_tolerance": {"retry_backoff": "fixed"},
        **more,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = (
        json.dumps({"text": f"row {row} https://example.com/{row}" + " x" * (row % 9), "n": row})
        for row in range(PARTITIONS * 10)
    )
    (tmp_path / "in.jsonl").write_text("\n".join(rows) + "\n")
    (tmp_path / "slow_mapper.py").write_text(SLOW_MAPPER)
    return tmp_path


def start(folder: Path, name: str, address: str) -> subprocess.Popen[bytes]:
    """The driver of a job, as the command line starts it."""
    recipe = folder / f"{name}.yaml"
    recipe.write_text(
        json.dumps(settings(folder, name, executor_type="ray_partitioned", ray_address=address))
    )
    words = ["--config", str(recipe), "--job_id", jobs.JOB_ID]
    with open(folder / f"{name}.out", "ab") as out:
        return subprocess.Popen([sys.executable, "-c", DRIVE, *words], stdout=out, stderr=out)


def log_of(folder: Path, name: str) -> list[dict[str, Any]]:
    path = folder / name / jobs.JOB_ID / "event_logs" / "events.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def wait_for_done(
    driver: subprocess.Popen[bytes], folder: Path, name: str, count: int
) -> list[dict[str, Any]]:
    """The log once so many partitions are done in all runs."""
    until_s = time.monotonic() + 90
    while time.monotonic() < until_s:
        told = log_of(folder, name)
        if sum(event["event_type"] == "PARTITION_COMPLETE" for event in told) >= count:
            return told
        assert driver.poll() is None, (folder / f"{name}.out").read_text()
        time.sleep(0.05)
    raise AssertionError((folder / f"{name}.out").read_text())


def starts_of(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in told if event["event_type"] == "PARTITION_START"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [4])
def test_a_node_dies_then_the_driver_and_a_resume_gives_the_same_bytes(folder: Path, seed: int) -> None:
    expected = folder / "expected" / "result.jsonl"
    plain = {**settings(folder, "expected"), "executor_type": "inline"}
    slow, fast = plain["process"][1], [entry for entry in plain["process"] if entry != "slow_mapper"]
    assert slow == "slow_mapper", "it changes nothing, and takes ten seconds in one process"
    subprocess.run(
        [sys.executable, "-c", f"import data_juicer; data_juicer.run({ {**plain, 'process': fast}!r})"],
        check=True,
    )
    moments = random.Random(seed)
    node_dies_at, driver_dies_at = moments.randrange(20, 90), moments.randrange(110, 170)
    with cluster(3) as three:
        three_nodes = three.list_all_nodes()
        driver = start(folder, "job", three.address)
        told = wait_for_done(driver, folder, "job", node_dies_at)
        nodes = {event["data"]["node"] for event in starts_of(told)}
        assert len(nodes) == 3, "each node took part"
        victim = three_nodes[-1]
        three.remove_node(victim, allow_graceful=False)
        told = wait_for_done(driver, folder, "job", driver_dies_at)
        driver.kill()
        driver.wait()
        pids = {int(event["data"]["worker"].split()[1]) for event in starts_of(told)}
        wait_until_gone(pids)
    lost = [event for event in told if event["event_type"] == "PARTITION_FAILED"]
    assert lost, "the node had something in work"
    assert all(victim.node_id[:12] in event["data"]["error"] for event in lost)
    assert all(event["data"]["retry_in_s"] is not None for event in lost)
    with cluster(2) as two:  # a new head too
        two_nodes = two.list_all_nodes()
        assert start(folder, "job", two.address).wait(timeout=120) == 0, (folder / "job.out").read_text()
    assert (folder / "job" / "result.jsonl").read_bytes() == expected.read_bytes()
    told = log_of(folder, "job")
    assert [event["seq"] for event in told] == list(range(1, len(told) + 1))
    report = json.loads(
        (folder / "job" / jobs.JOB_ID / "metadata" / "final_mapping_report.json").read_bytes()
    )
    second = {part["partition"]: part["attempt"] for part in report["partitions"] if part["run"] == 2}
    assert 0 < len(second) <= PARTITIONS - driver_dies_at, "what was committed is not done again"
    begun = {(event["partition_id"], event["attempt"]): event["data"]["node"] for event in starts_of(told)}
    assert {begun[each] for each in second.items()} <= {name_of(node) for node in two_nodes}
    first = {node for (_, attempt), node in begun.items() if attempt.startswith("r1")}
    assert first == {name_of(node) for node in three_nodes}


def name_of(node: Any) -> str:
    return f"{node.node_ip_address} ({node.node_id[:12]})"


def wait_until_gone(pids: set[int]) -> None:
    """Workers of a killed driver end by themselves."""
    until_s = time.monotonic() + WORKERS_GONE_S
    while alive := {pid for pid in pids if psutil.pid_exists(pid)}:
        assert time.monotonic() < until_s, f"workers {alive} work on without a driver"
        time.sleep(0.1)


def test_a_node_that_does_not_share_the_storage_is_named(folder: Path) -> None:
    """A node whose /tmp is another one, as it is on another machine."""
    hidden = f"mount -t tmpfs none {folder} && exec "
    if subprocess.run(["unshare", "-m", "sh", "-c", hidden + "true"], capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    with cluster(1) as one:
        node = psutil.Popen(
            ["unshare", "-m", "sh", "-c", hidden + f"{sys.executable} -m ray.scripts.scripts start --block --num-cpus 1 "
             f"--object-store-memory {NODE['object_store_memory']} --address {one.address}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=os.sep, start_new_session=True,
        )  # fmt: skip
        try:
            wait_for_nodes(one, 2)
            config = jobs.recipe(str(folder / "job"), [str(folder / "in.jsonl")], ["clean_links_mapper"], {
                "executor_type": "ray", "ray_address": one.address})  # fmt: skip
            with pytest.raises(JobError, match=r"node \S+ \(\w+\) does not see .*storage_probe.*shared?"):
                make_executor(config).run(config)
            assert not list((folder / "job").rglob(".storage_probe"))
        finally:
            for process in [*node.children(recursive=True), node]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            node.wait()


def wait_for_nodes(of: Any, count: int) -> None:
    import ray

    ray.init(address=of.address, log_to_driver=False, logging_level="ERROR")
    until_s = time.monotonic() + 60
    while sum(node["Alive"] for node in ray.nodes()) < count:
        assert time.monotonic() < until_s
        time.sleep(0.2)
    ray.shutdown()


def test_a_cluster_that_cannot_hold_a_worker_is_refused(folder: Path) -> None:
    process = [{"clean_links_mapper": {"num_gpus": 1}}]
    config = jobs.recipe(str(folder / "job"), [str(folder / "in.jsonl")], process, {
        "executor_type": "ray", "ray_address": "local", "np": 1})  # fmt: skip
    watch = jobs.Watch()
    with pytest.raises(BackendError, match="can hold a worker, which needs 1 CPU, 1 GPU"):
        make_executor(config, listeners=(watch,)).run(config)
    assert not watch.events(t.PartitionStart)


def test_no_cluster_is_started_for_a_job_that_is_complete(folder: Path) -> None:
    config = jobs.recipe(str(folder / "job"), [str(folder / "in.jsonl")], ["clean_links_mapper"])
    make_executor(config).run(config)
    again = jobs.recipe(str(folder / "job"), [str(folder / "in.jsonl")], ["clean_links_mapper"], {
        "executor_type": "ray", "ray_address": "127.0.0.1:1"})  # fmt: skip
    assert make_executor(again).run(again).already_complete


def test_an_address_of_ray_client_is_refused(folder: Path) -> None:
    config = jobs.recipe(str(folder / "job"), [str(folder / "in.jsonl")], ["clean_links_mapper"], {
        "executor_type": "ray", "ray_address": "ray://head:10001"})  # fmt: skip
    with pytest.raises(ConfigError, match="Ray Client"):
        make_executor(config).run(config)
