"""Whether all nodes of a Ray cluster share our storage: what this one has written, every other one is asked to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from data_juicer.backends.ray.cluster import Node, one_line, own_node
from data_juicer.clock import SystemClock
from data_juicer.errors import ConfigError, JobError, StoreError
from data_juicer.storage import open_store
from data_juicer.storage.locations.uri import is_cloud

_HOW_TO_SHARE: Final = (
    ", and each node needs the package obstore and credentials of its own in its environment"
)
PROBE_S: Final = 10.0
"""How long a file may take until another node sees it."""


def check_storage(nodes: Sequence[Node], probes: Mapping[str, bytes]) -> None:
    """Make sure that every node sees what this one has written.

    Args:
        probes: path -> what the file there holds; empty: that it exists is enough.
    Raises: JobError: names the first node that does not, and what it cannot see.
    """
    own, _ = own_node()
    asked = [
        (
            node,
            ray.remote(_unseen)
            .options(
                num_cpus=0,
                max_retries=0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node.node_id, soft=False),
            )
            .remote(dict(probes)),
        )
        for node in nodes
        if node.node_id != own
    ]
    for node, reference in asked:
        try:
            unseen = ray.get(reference)
        except RayError as error:
            raise JobError(
                f"node {node} could not be asked whether it sees the job's files: {one_line(error)}"
            ) from error
        if unseen:
            raise JobError(
                f"node {node} does not see {unseen[0]}. work_dir, checkpoint_dir, input and custom operators must lie "
                f"on storage that all nodes share{_HOW_TO_SHARE if is_cloud(unseen[0]) else ''}; nothing was processed."
            )


def _unseen(probes: Mapping[str, bytes]) -> list[str]:
    """Which of these files this node does not see as they are."""
    clock = SystemClock()
    until_s = clock.monotonic_s() + PROBE_S
    while True:
        unseen = [path for path, data in probes.items() if not _sees(path, data)]
        if not unseen or clock.monotonic_s() > until_s:
            return unseen
        clock.sleep_s(0.2)


def _sees(path: str, data: bytes) -> bool:
    """Through whatever store serves the path there, with the credentials that the node has."""
    try:
        store = open_store(path)
        return store.read(path) == data if data else store.exists(path)
    except (OSError, StoreError, ConfigError):
        return False
