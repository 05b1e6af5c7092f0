"""Dataset-wide operators on every backend, however rows are cut: the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_juicer.api import run_config
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs

pytestmark = pytest.mark.xdist_group("ray")  # one cluster at a time on this machine

SIZES = (50, 200, 1000)
ROWS = 1200
WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "and",
    "runs",
    "away",
    "from",
    "it",
    "all",
]
PROCESS: list[Any] = [
    {"text_length_filter": {"min_len": 3}},
    {"document_deduplicator": {"lowercase": True}},
    {"document_line_deduplicator": {"frequency_threshold": 30}},
    {"document_minhash_deduplicator": {"window_size": 2}},
    {"document_simhash_deduplicator": {"window_size": 2}},
    {"key_value_grouper": {"group_by_keys": ["kind"]}},
    "naive_reverse_grouper",
    {"topk_specified_field_selector": {"field_key": "__dj__stats__.text_len", "top_ratio": 0.9}},
    {"frequency_specified_field_selector": {"field_key": "kind", "top_ratio": 0.9}},
    {"range_specified_field_selector": {"field_key": "n", "lower_percentile": 0.05}},
    {"random_selector": {"select_ratio": 0.9}},
    {"naive_grouper": {}},
]
LOCAL = [
    {"executor_type": "inline"},
    {"executor_type": "local", "np": 1},
    {"executor_type": "local", "np": 2},
]


@pytest.fixture(scope="module")
def on_ray() -> Iterator[dict[str, Any]]:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 2, "object_store_memory": 80 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        yield {"executor_type": "ray_partitioned", "ray_address": cluster.address}
    finally:
        cluster.shutdown()


def text(number: int) -> str:
    lines = [" ".join(WORDS[(number * step) % 13 :][: 3 + step]) for step in range(1, 2 + number % 5)]
    return "\n".join([f"{number % 977} {lines[0]}", *lines])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_sizes_of_partitions_processes_and_ray_change_no_byte(tmp_path: Path, on_ray: dict[str, Any]) -> None:
    rows = [
        {"text": text(number % 900), "n": number, "kind": number * number % 101} for number in range(ROWS)
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found: dict[bytes, list[str]] = {}
    for size in SIZES:
        for executor in (*LOCAL, on_ray):
            reported = f"{executor['executor_type']} np {executor.get('np', '')}, partitions of {size}"
            config = jobs.recipe(
                str(tmp_path / reported.replace(" ", "_")),
                [str(tmp_path / "in.jsonl")],
                PROCESS,
                {**executor, "partition.size": size},
            )
            run_config(config)
            (result,) = jobs.exported(config, PosixStore()).values()
            found.setdefault(result, []).append(reported)
    assert len(found) == 1, list(found.values())
    (group,) = map(json.loads, found.popitem()[0].splitlines())
    print(f"{len(group['n'])} of {ROWS} rows in {len(SIZES) * (len(LOCAL) + 1)} jobs")
    assert len(group["n"]) > ROWS / 10
