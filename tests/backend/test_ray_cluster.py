"""A Ray cluster of three nodes on this machine: nodes and drivers die, and the bytes stay the same.

A seed says at which moments; what happens at them is up to the machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from data_juicer.core.executor.factory import make_executor
from data_juicer.engine.run_context import RunControl
from data_juicer.errors import BackendError, ConfigError, JobError
from data_juicer.events import types as t
from data_juicer.testing import jobs

pytest.importorskip("ray", reason="the extra ray is not installed")

pytestmark = pytest.mark.xdist_group("ray")  # one cluster at a time on this machine

PARTITIONS = 200
ROWS_A_PARTITION = 10
GATED = 6
"""Partitions in a row that wait at a gate: as many as three workers can have at hand."""
PATIENCE_S = 120.0
WORKERS_GONE_S = 30.0
DRIVE = "import sys; from data_juicer.cli.process import main; sys.exit(main())"
GATE_MAPPER = '''
"""A mapper that changes nothing. A row that names a gate waits until there is a file of that name."""

import os
import time

from data_juicer.ops.base_op import OPERATORS, Mapper


@OPERATORS.register_module("gate_mapper")
class GateMapper(Mapper):
    def process_single(self, sample):
        for gate in ("node_gate", "driver_gate"):
            while gate in sample["text"] and not os.path.exists(os.path.join({folder!r}, gate)):
                time.sleep(0.02)
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
        "process": ["clean_links_mapper", "gate_mapper", {"text_length_filter": {"min_len": 12}}],
        "custom_operator_paths": [str(folder / "gate_mapper.py")],
        "partition": {"size": ROWS_A_PARTITION},
        "fault_tolerance": {"retry_backoff": "fixed"},
        **more,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gate_mapper.py").write_text(GATE_MAPPER.format(folder=str(tmp_path)))
    write_rows(tmp_path, {})
    return tmp_path


def write_rows(folder: Path, gates: dict[int, str]) -> None:
    """The input; `gates`: row -> the gate that it waits at."""
    rows = (
        json.dumps(
            {"text": f"row {row} https://example.com/{row} {gates.get(row, '')}" + " x" * (row % 9), "n": row}
        )
        for row in range(PARTITIONS * ROWS_A_PARTITION)
    )
    (folder / "in.jsonl").write_text("\n".join(rows) + "\n")


def gated(gate: str, first: int, chance: random.Random) -> dict[int, str]:
    """Some row of each of the partitions from `first` on."""
    return {
        partition * ROWS_A_PARTITION + chance.randrange(ROWS_A_PARTITION): gate
        for partition in range(first, first + GATED)
    }


def start(folder: Path, name: str, address: str, drive: str = DRIVE) -> subprocess.Popen[bytes]:
    """The driver of a job, as the command line starts it."""
    recipe = folder / f"{name}.yaml"
    recipe.write_text(
        json.dumps(settings(folder, name, executor_type="ray_partitioned", ray_address=address))
    )
    words = ["--config", str(recipe), "--job_id", jobs.JOB_ID]
    with open(folder / f"{name}.out", "ab") as out:
        return subprocess.Popen([sys.executable, "-c", drive, *words], stdout=out, stderr=out)


Events = list[dict[str, Any]]


def log_of(folder: Path, name: str) -> Events:
    path = folder / name / jobs.JOB_ID / "event_logs" / "events.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def wait_until(
    what: Callable[[Events], bool], driver: subprocess.Popen[bytes], folder: Path, name: str
) -> Events:
    """The log once that is so."""
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        reported = log_of(folder, name)
        if what(reported):
            return reported
        assert driver.poll() is None, (folder / f"{name}.out").read_text()
        time.sleep(0.05)
    raise AssertionError((folder / f"{name}.out").read_text())


def starts_of(reported: Events) -> Events:
    return [event for event in reported if event["event_type"] == "PARTITION_START"]


def ends_of(reported: Events) -> set[tuple[int, str]]:
    ends = {"PARTITION_COMPLETE", "PARTITION_FAILED"}
    return {(event["partition_id"], event["attempt"]) for event in reported if event["event_type"] in ends}


def committed_of(reported: Events) -> set[int]:
    """An agent on a node that dies may take one more attempt with it, so that not all before the gate are."""
    return {event["partition_id"] for event in reported if event["event_type"] == "PARTITION_COMPLETE"}


def at_hand(reported: Events) -> dict[str, int]:
    """Node -> the partition that an attempt of it has begun and not ended."""
    ended = ends_of(reported)
    return {
        event["data"]["node"]: event["partition_id"]
        for event in starts_of(reported)
        if (event["partition_id"], event["attempt"]) not in ended
    }


def failures_of(reported: Events) -> Events:
    return [event for event in reported if event["event_type"] == "PARTITION_FAILED"]


@pytest.mark.parametrize("seed", [4])
def test_a_node_dies_then_the_driver_and_a_resume_gives_the_same_bytes(folder: Path, seed: int) -> None:
    """Rows that wait at a gate hold every worker in the middle of an attempt at the moments that the seed says."""
    chance = random.Random(seed)
    node_dies_at, driver_dies_at = chance.randrange(20, 90), chance.randrange(110, 170)
    write_rows(
        folder,
        {**gated("node_gate", node_dies_at, chance), **gated("driver_gate", driver_dies_at, chance)},
    )
    plain = {**settings(folder, "expected"), "executor_type": "inline"}
    plain["process"] = [entry for entry in plain["process"] if entry != "gate_mapper"]
    subprocess.run([sys.executable, "-c", f"import data_juicer; data_juicer.run({plain!r})"], check=True)
    with cluster(3) as three:
        three_nodes = {name_of(node) for node in three.list_all_nodes()}
        driver = start(folder, "job", three.address)

        def all_wait(reported: Events) -> bool:
            begun = at_hand(reported)
            return begun.keys() == three_nodes and min(begun.values()) >= node_dies_at

        reported = wait_until(all_wait, driver, folder, "job")
        victim = three.list_all_nodes()[-1]
        present = at_hand(reported)[name_of(victim)]
        assert present < node_dies_at + GATED
        three.remove_node(victim, allow_graceful=False)
        wait_until(lambda reported: bool(failures_of(reported)), driver, folder, "job")
        (folder / "node_gate").touch()
        left = three_nodes - {name_of(victim)}

        def both_wait(reported: Events) -> bool:
            begun = at_hand(reported)
            return begun.keys() == left and min(begun.values()) >= driver_dies_at

        reported = wait_until(both_wait, driver, folder, "job")
        driver.kill()
        driver.wait()
        wait_until_gone({int(event["data"]["worker"].split()[1]) for event in starts_of(reported)})
        committed = committed_of(log_of(folder, "job"))
    (folder / "driver_gate").touch()
    (failure,) = failures_of(reported)
    assert failure["partition_id"] == present, "what waited behind it had not begun, and did not fail"
    assert victim.node_id[:12] in failure["data"]["error"]
    assert failure["data"]["retry_in_s"] is not None
    with cluster(2) as two:  # a new head too
        two_nodes = {name_of(node) for node in two.list_all_nodes()}
        assert start(folder, "job", two.address).wait(timeout=PATIENCE_S) == 0, (
            folder / "job.out"
        ).read_text()
    assert (folder / "job" / "result.jsonl").read_bytes() == (
        folder / "expected" / "result.jsonl"
    ).read_bytes()
    reported = log_of(folder, "job")
    assert [event["seq"] for event in reported] == list(range(1, len(reported) + 1))
    report = json.loads(
        (folder / "job" / jobs.JOB_ID / "metadata" / "final_mapping_report.json").read_bytes()
    )
    second = {part["partition"]: part["attempt"] for part in report["partitions"] if part["run"] == 2}
    assert second.keys() == set(range(PARTITIONS)) - committed, "what was committed is not done again"
    assert committed <= set(range(driver_dies_at)), "nothing came through the gate"
    begun = {
        (event["partition_id"], event["attempt"]): event["data"]["node"] for event in starts_of(reported)
    }
    assert {begun[each] for each in second.items()} <= two_nodes
    assert {node for (_, attempt), node in begun.items() if attempt.startswith("r1")} == three_nodes


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
        make_executor(config, RunControl(observers=(watch,))).run(config)
    assert not watch.events(t.PartitionStart)


def test_no_cluster_is_started_for_a_job_that_is_complete(folder: Path) -> None:
    config = jobs.recipe(str(folder / "job"), [str(folder / "in.jsonl")], ["clean_links_mapper"])
    make_executor(config).run(config)
    again = jobs.recipe(str(folder / "job"), [str(folder / "in.jsonl")], ["clean_links_mapper"], {
        "executor_type": "ray", "ray_address": "127.0.0.1:1"})  # fmt: skip
    assert make_executor(again).run(again).already_complete


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["dies", "hangs"])
def test_a_job_whose_head_dies_or_hangs_ends_in_order_and_goes_on_elsewhere(
    folder: Path, how: signal.Signals
) -> None:
    """Ray would end the driver after a minute, in the middle of a line."""
    write_rows(folder, gated("node_gate", 20, random.Random(1)))
    with cluster(1) as one:
        head = one.address
        impatient = DRIVE.replace(
            "import sys;",
            "import sys; from data_juicer.backends.ray import backend as of; of.HEAD_GONE_S = 3;",
        )
        driver = start(folder, "job", one.address, impatient)
        wait_until(
            lambda reported: any(present >= 20 for present in at_hand(reported).values()),
            driver,
            folder,
            "job",
        )
        for present in one.head_node.all_processes["gcs_server"]:
            present.process.send_signal(how)
        assert driver.wait(timeout=PATIENCE_S) == 1
        for present in one.head_node.all_processes["gcs_server"]:
            present.process.kill()
    out = (folder / "job.out").read_text()
    assert f"the head of the Ray cluster, {head}, has not answered for" in out
    assert f"--job_id {jobs.JOB_ID}" in out, "how to go on"
    assert "Traceback" not in out
    reported = log_of(folder, "job")
    assert [event["event_type"] for event in reported][-2:] == ["PROCESSING_ERROR", "JOB_FAILED"]
    (folder / "node_gate").touch()
    again = {**settings(folder, "job"), "job_id": jobs.JOB_ID, "executor_type": "inline"}
    subprocess.run([sys.executable, "-c", f"import data_juicer; data_juicer.run({again!r})"], check=True)
    begun = [event for event in starts_of(log_of(folder, "job")) if event["run"] == 2]
    assert {event["partition_id"] for event in begun} == set(range(20, PARTITIONS))


def test_an_address_of_ray_client_is_refused(folder: Path) -> None:
    config = jobs.recipe(str(folder / "job"), [str(folder / "in.jsonl")], ["clean_links_mapper"], {
        "executor_type": "ray", "ray_address": "ray://head:10001"})  # fmt: skip
    with pytest.raises(ConfigError, match="Ray Client"):
        make_executor(config).run(config)
