"""A Ray cluster: one that exists, or one started here and stopped again; its nodes, and whether its head answers.

The modules `backends/ray*.py` are the only ones that import Ray, and are imported only when it is asked for.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
import ray
from ray.exceptions import RayError
from ray.job_config import JobConfig

from data_juicer.errors import BackendError, ConfigError

KNOCK_S: Final = 2.0
"""How long the head may take to accept a connection."""

_OBJECT_STORE_BYTES: Final = 100 << 20
"""Of a cluster started here: rows never pass through it."""
_QUIET: Final = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_event_stats": "0",
    "RAY_memory_monitor_refresh_ms": "0",
    "RAY_task_events_report_interval_ms": "0",
}
"""For a cluster started here, unless the environment says otherwise: no questions, no stats that nobody would see; and a
worker that takes too much memory is left to the kernel or to worker_memory_mb, which take that worker, where Ray would
take its agent."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    node_id: str
    host: str
    resources: Mapping[str, float] = msgspec.field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.host} ({self.node_id[:12]})"


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    is_ours: bool
    """This process connected to it, and leaves it again; one that was started here ends with that."""
    dashboard: str = ""
    """Its address; empty: there is none."""
    head: str = ""
    """Where its head listens, HOST:PORT."""

    def answers(self) -> bool:
        """Whether the head takes a connection and serves. Ray's own calls would wait a minute for one that is gone."""
        host, _, port = self.head.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()
        except OSError:
            return False
        return _serves()

    def abandon(self) -> None:
        """Leave without a word to a head that would not hear it; nodes end what this process began once it exits."""
        if self.is_ours:
            atexit.unregister(ray.shutdown)

    def leave(self) -> None:
        if self.is_ours:
            with _handlers_kept():
                ray.shutdown()


def _serves() -> bool:
    """Whether the head answers a question, as `ray health-check` asks it; one that hangs still takes connections."""
    try:
        from ray._private.worker import global_worker
    except ImportError:  # no part of what Ray promises
        return True
    client: Any = getattr(global_worker, "gcs_client", None)
    if not hasattr(client, "check_alive"):
        return True
    try:
        client.check_alive([], timeout=KNOCK_S)
    except RayError:
        return False
    return True


def join(address: str, cpus_if_local: int) -> Cluster:
    """Connect to a cluster.

    Args:
        address: `local` starts one here; `auto` does so where RAY_ADDRESS names none and none runs here.
        cpus_if_local: of a cluster started here.
    Raises: ConfigError, BackendError: there is no such cluster, or it does not answer.
    """
    if ray.is_initialized():
        return Cluster(is_ours=False, head=_head())
    if address.startswith("ray://"):
        raise ConfigError(
            f"ray_address: {address} is one for Ray Client, which cannot run jobs of data_juicer. "
            "Start the job on a machine of the cluster, with ray_address: auto."
        )
    try:
        if address == "auto":
            try:
                return _init("auto")
            except ConnectionError:
                address = "local"
        return _init(address, cpus_if_local)
    except Exception as error:  # a node that does not start in time is a plain Exception
        with contextlib.suppress(Exception), _handlers_kept():
            ray.shutdown()  # whatever of it was started
        raise BackendError(
            f"ray_address: {address}: Ray cannot be started or reached: {one_line(error)} Nothing was changed. "
            "Start it again, name another cluster, or set executor_type: default."
        ) from error


def join_running(address: str) -> Cluster | None:
    """Connect to a cluster that runs already; None where `auto` finds none.

    Raises: ConfigError, BackendError: as `join`.
    """
    if address == "auto" and not ray.is_initialized():
        try:
            return _init("auto")
        except ConnectionError:
            return None
    return join(address, 0)


def _init(address: str, cpus_if_local: int = 0) -> Cluster:
    local: dict[str, Any] = {}
    if address == "local":
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        local = {
            "num_cpus": cpus_if_local,
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE_BYTES,
        }
    with _handlers_kept():
        context = ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            job_config=_job_config(),
            **local,
        )
    _silence()
    return Cluster(is_ours=True, dashboard=getattr(context, "dashboard_url", None) or "", head=_head())


def _job_config() -> JobConfig:
    """Ray puts the driver's current directory in front of its workers' search path, except for a job of Ray Client."""
    return JobConfig(_client_job=True)


def _head() -> str:
    return str(ray.get_runtime_context().gcs_address)


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    """Ray puts its own handler of SIGTERM in the place of ours, which stops a job in order."""
    handlers = (
        {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        if threading.current_thread() is threading.main_thread()
        else {}
    )
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _silence() -> None:
    """Ray prints a paragraph for each worker that dies; what a death means is reported by our own events."""
    with contextlib.suppress(ImportError, AttributeError, KeyError):
        from ray._private.ray_logging import global_worker_stdstream_dispatcher as dispatcher

        dispatcher.remove_handler("ray_print_logs")


# ---- nodes


def own_node() -> tuple[str, str]:
    """Id and address of the node that this process runs on."""
    return ray.get_runtime_context().get_node_id(), str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]


def alive_nodes() -> list[Node]:
    """The nodes that the head believes to be alive, in the order of their ids."""
    return [
        Node(node_id=node["NodeID"], host=node["NodeManagerAddress"], resources=node.get("Resources", {}))
        for node in sorted(ray.nodes(), key=lambda node: str(node["NodeID"]))  # type: ignore[no-untyped-call]
        if node["Alive"]
    ]


def one_line(error: BaseException) -> str:
    """What Ray says, without the particulars of its processes."""
    words = " ".join(str(error).split())
    for begin in ("The actor is dead because ", "The actor died because "):
        if begin in words:
            words = words[words.index(begin) + len(begin) :]
    return words.partition(" Some common causes include")[0][:400]
