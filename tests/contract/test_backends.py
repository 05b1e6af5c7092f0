"""The contract of backends, on each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.register_assert_rewrite("data_juicer.testing.contracts")

from data_juicer.testing.contracts import BackendContract  # noqa: E402 - rewritten before it is imported


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A cluster that outlives each job, of one node with two processors."""
    pytest.importorskip("ray", reason="the extra ray is not installed")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "object_store_memory": 80 << 20})
    yield cluster.address
    cluster.shutdown()


class TestInline(BackendContract):
    has_workers = False

    @pytest.fixture
    def backend(self) -> dict[str, Any]:
        return {"executor_type": "inline"}


class TestLocal(BackendContract):
    @pytest.fixture
    def backend(self) -> dict[str, Any]:
        return {"executor_type": "local", "np": 2}


@pytest.mark.xdist_group("ray")  # one cluster at a time on this machine
class TestRay(BackendContract):
    @pytest.fixture
    def backend(self, address: str) -> dict[str, Any]:
        return {"executor_type": "ray_partitioned", "ray_address": address, "np": 2}
