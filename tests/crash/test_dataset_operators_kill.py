"""Drivers and workers of a recipe with dataset operators, killed at random moments with real processes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.killing import LOCAL, Place, kill_drivers, kill_workers, make_place

PROCESS: list[Any] = [
    {"document_deduplicator": {"lowercase": True}},
    "clean_links_mapper",
    "poisoned_mapper",
    {"document_minhash_deduplicator": {"window_size": 2}},
    {"key_value_grouper": {"group_by_keys": ["seen"]}},
    {"naive_reverse_grouper": {}},
    {"random_selector": {"select_ratio": 0.9}},
]
ROWS_ON_RAY = 1000
"""Each of the forty drivers connects to the cluster first, which takes seconds of its own."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return make_place(tmp_path_factory.mktemp("kill"), PROCESS, LOCAL)


@pytest.fixture(scope="module")
def place_on_ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place whose drivers are those of a Ray cluster, which lives on without them."""
    pytest.importorskip("ray", reason="the extra ray is not installed")
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 2, "object_store_memory": 80 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        executor = {"executor_type": "ray_partitioned", "ray_address": cluster.address}
        yield make_place(tmp_path_factory.mktemp("kill_on_ray"), PROCESS, executor, ROWS_ON_RAY)
    finally:
        cluster.shutdown()


def test_drivers_killed_at_random_moments(place: Place) -> None:
    kill_drivers(place, kills=3, seed=3)


def test_workers_killed_at_random_moments(place: Place) -> None:
    kill_workers(place, kills=2, seed=4)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_forty_drivers_killed_at_random_moments(place: Place) -> None:
    kill_drivers(place, kills=40, seed=20260315)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.xdist_group("ray")  # one cluster at a time on this machine
def test_forty_drivers_killed_at_random_moments_on_ray(place_on_ray: Place) -> None:
    kill_drivers(place_on_ray, kills=40, seed=20260316)
