"""A cluster that does not start, and one whose head hangs, without a cluster."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ray", reason="the extra ray is not installed")

import ray
from ray.exceptions import RpcError

from data_juicer.backends.ray import cluster
from data_juicer.errors import BackendError

START_UP = "The current node timed out during startup. This could happen because some of the Ray processes\nfailed to startup."


@pytest.mark.parametrize("error", [Exception(START_UP), TimeoutError(START_UP), RuntimeError(START_UP)])
@pytest.mark.parametrize("address", ["auto", "local", "10.0.0.1:6379"])
def test_a_cluster_that_does_not_start_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, address: str, error: Exception
) -> None:
    def refuse(**_: Any) -> None:
        raise error

    ended = []
    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.setattr(ray, "shutdown", lambda: ended.append(True))
    with pytest.raises(BackendError, match=r"timed out during startup.*executor_type: default") as raised:
        cluster.join(address, 1)
    assert "\n" not in str(raised.value)
    assert ended, "what was started of it is stopped"


def test_where_no_cluster_is_found_one_is_started_here(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def init(address: str, **_: Any) -> SimpleNamespace:
        asked.append(address)
        if address == "auto":
            raise ConnectionError("Could not find any running Ray instance.")
        return SimpleNamespace(dashboard_url=None)

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(cluster, "_head", lambda: "127.0.0.1:6379")
    assert cluster.join("auto", 1).is_ours
    assert asked == ["auto", "local"]


@pytest.fixture
def listening() -> Iterator[str]:
    """The address of a socket that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_head_that_takes_connections_and_answers_nothing_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, listening: str
) -> None:
    served = {"is": True}

    def check_alive(nodes: list[bytes], timeout: float) -> list[bool]:
        assert timeout == cluster.KNOCK_S
        if not served["is"]:
            raise RpcError("Deadline Exceeded", rpc_code=4)
        return []

    client = SimpleNamespace(check_alive=check_alive)
    monkeypatch.setattr(ray._private.worker, "global_worker", SimpleNamespace(gcs_client=client))
    present = cluster.Cluster(is_ours=True, head=listening)
    assert present.answers()
    served["is"] = False
    assert not present.answers()
