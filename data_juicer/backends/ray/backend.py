"""Agents on a Ray cluster, each with one worker; a lost agent is an attempt that failed, and is replaced.

Attempts are actor tasks with streaming results. Ray retries nothing: retries are the driver's, who counts and delays them.
With Ray are only attempts under way and one waiting behind each short one, so a million partitions are no million objects.
docs/design/0007-ray.md has the reasons.
"""

from __future__ import annotations

import contextlib
import secrets
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final

import msgspec
import ray
from ray.exceptions import RayError

from data_juicer.backends.ray import cluster
from data_juicer.backends.ray.agent import AgentFacts
from data_juicer.backends.ray.agent_handle import Flight, Place, lost, returned, start_agent
from data_juicer.backends.ray.storage_probe import check_storage
from data_juicer.clock import Clock
from data_juicer.config.schema import usable_cores
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.protocol.resources import WorkerResources
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.errors import BackendError
from data_juicer.plan.tasks import TaskKey
from data_juicer.storage.base import Store
from data_juicer.version import VERSION

EARLY_LOSSES_MAX: Final = 3
"""Agents that may die before they are ready, one after the other, until the backend gives up."""
RETURNS_MAX: Final = 3
"""How often a partition may come back unbegun before that counts as a failure: it may be what its agents die of."""
PATIENCE_S: Final = 20.0
"""How long nothing is said while no agent has a place."""
LOOK_S: Final = 5.0
"""How often the nodes of the cluster are counted."""
HEAD_GONE_S: Final = 25.0
"""How long the head may be away: Ray ends its drivers, in the middle of a line, after 60 s without it."""
END_S: Final = 5.0
"""How long the end of agents is waited for."""


class RayBackend:
    name = "ray"

    def __init__(
        self,
        address: str,
        workers_max: int | None,
        needs: WorkerResources,
        store: Store,
        clock: Clock,
        inform: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Nothing is connected or started before `begin`.

        Args:
            address: `auto`, `local` or that of a cluster.
            workers_max: None: as many as the cluster can hold.
            needs: of each worker.
            inform: told lines for people.
        """
        self._address = address
        self._workers_max = workers_max
        self._needs = needs
        self._store = store
        self._clock = clock
        self._inform = inform
        self._cluster: cluster.Cluster | None = None
        self._setup: WorkerSetup | None = None
        self._probes: dict[str, bytes] = {}
        self._partitions = 0
        self._capacity = 0
        self._looked_s = 0.0
        self._missed_s: float | None = None
        """Since when the head does not answer."""
        self._begun_s = 0.0
        self._has_told_wait = False
        self._early_losses = 0
        self._places: list[Place] = []
        self._waiting: deque[m.Attempt] = deque()
        self._returns: Counter[TaskKey] = Counter()
        self._told: deque[m.Message] = deque()
        self._decoder = msgspec.msgpack.Decoder(list[m.Message])

    @property
    def workers(self) -> int:
        return self._capacity

    @property
    def slots(self) -> int:
        return max(1, self._capacity * 2)

    def begin(
        self, setup: WorkerSetup, partitions: int, between_batches: Callable[[], None] = lambda: None
    ) -> None:
        """Join the cluster and start agents, which become ready meanwhile; with nothing to do, not before there is.

        Raises: JobError: a node does not share our storage. BackendError: no node can hold a worker.
        """
        self._setup = setup
        self._partitions = partitions
        if partitions:
            self._join(setup)

    def submit(self, attempt: m.Attempt) -> None:
        if self._cluster is None and self._setup is not None:
            self._join(self._setup)
        self._waiting.append(attempt)
        self._hand_out()

    def next_message(self, timeout_s: float) -> m.Message | None:
        """Raises: BackendError: the head of the cluster is gone."""
        if not self._told:
            self._look_around()
            self._listen(timeout_s)
        return self._told.popleft() if self._told else None

    def worker_pids(self) -> tuple[int, ...]:
        return ()

    def close(self) -> None:
        """Stop the agents, whose workers end with them, and leave the cluster."""
        if self._cluster is None:
            return
        streams = [stream for place in self._places for stream in place.flights]
        for place in self._places:
            place.kill()
        if streams:
            with contextlib.suppress(RayError):
                ray.wait(streams, num_returns=len(streams), timeout=END_S)
        self._places = []
        for path in self._probes:
            self._store.remove(path)
        self._probes = {}
        self._cluster.leave()
        self._cluster = None

    # ---- agents

    def _join(self, setup: WorkerSetup) -> None:
        self._cluster = cluster.join(self._address, self._workers_max or usable_cores())
        if self._cluster.dashboard:
            self._inform(f"Ray dashboard: http://{self._cluster.dashboard}")
        nodes = cluster.alive_nodes()
        self._capacity = self._count_places(nodes)
        if not self._capacity:
            told = "; ".join(
                f"{node}: {node.resources.get('CPU', 0):g} CPU, {node.resources.get('GPU', 0):g} GPU"
                for node in nodes
            )
            raise BackendError(
                f"no node of the Ray cluster can hold a worker, which needs {self._needs}. {told}"
            )
        self._probe(setup, nodes)
        self._looked_s = self._begun_s = self._clock.monotonic_s()
        self._fill()

    def _count_places(self, nodes: list[cluster.Node]) -> int:
        count = sum(self._needs.fits(node.resources) for node in nodes)
        return min(count, self._workers_max) if self._workers_max else count

    def _probe(self, setup: WorkerSetup, nodes: list[cluster.Node]) -> None:
        """One file in each directory of the job, to be seen by all nodes that may hold a worker."""
        token = secrets.token_bytes(16)
        self._probes = dict.fromkeys(setup.layout.storage_probes, token)
        for path, data in self._probes.items():
            self._store.write(path, data)
            self._store.sync(path)
        wanted = {**self._probes, **dict.fromkeys(setup.custom_operator_paths, b"")}
        check_storage([node for node in nodes if self._needs.fits(node.resources)], wanted)

    def _fill(self) -> None:
        """Start agents until there are as many as are wanted; those without a place wait for one."""
        while len(self._places) < min(self._capacity, max(1, self._partitions)):
            self._places.append(start_agent(self._needs, msgspec.msgpack.encode(self._setup)))

    def _look_around(self) -> None:
        """Now and then: the head may be gone, nodes may have come, and nobody may have a place yet."""
        now_s = self._clock.monotonic_s()
        if self._cluster is None or now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        if not self._cluster.answers():
            self._miss_head(now_s)
            return
        self._missed_s = None
        self._look_at_nodes(now_s)

    def _look_at_nodes(self, now_s: float) -> None:
        self._capacity = max(self._capacity, self._count_places(cluster.alive_nodes()))
        self._fill()
        is_waiting = not any(place.facts for place in self._places) and now_s - self._begun_s > PATIENCE_S
        if is_waiting and not self._has_told_wait:
            self._has_told_wait = True
            self._inform(
                f"no worker has a place yet; each needs {self._needs}, and the cluster has none free"
            )

    def _miss_head(self, now_s: float) -> None:
        """Every call that needs the head would wait for it; a job that ends by itself can say how to go on."""
        self._missed_s = now_s if self._missed_s is None else self._missed_s
        away_s = now_s - self._missed_s
        if away_s >= HEAD_GONE_S and self._cluster is not None:
            raise BackendError(
                f"the head of the Ray cluster, {self._cluster.head}, has not answered for {away_s:.0f} s. "
                "What was committed is safe; start the job again, on this cluster or another."
            )

    def _welcome(self, place: Place) -> None:
        try:
            facts = msgspec.msgpack.decode(ray.get(place.ready), type=AgentFacts)
        except RayError as error:
            self._early_losses += 1
            if self._early_losses > EARLY_LOSSES_MAX:
                raise BackendError(
                    f"workers end before they take an attempt: {cluster.one_line(error)}"
                ) from error
            self._lose(place, error)
            return
        if facts.version != VERSION:
            raise BackendError(f"node {facts.host} has data_juicer {facts.version}, this machine {VERSION}.")
        self._early_losses = 0
        place.welcome(facts)
        self._hand_out()

    def _lose(self, place: Place, error: BaseException) -> None:
        """An agent is gone: its attempts failed, or come back if they had not begun, and another agent starts."""
        place.kill()
        self._places.remove(place)
        reason = f"{type(error).__name__} on node {place.node or '?'}: {cluster.one_line(error)}"
        self._told.extend(self._end(flight, reason) for flight in place.flights.values())
        self._fill()
        self._hand_out()

    def _end(self, flight: Flight, reason: str) -> m.Message:
        key = flight.attempt.key
        if flight.has_begun or self._returns[key] >= RETURNS_MAX:
            return lost(flight.attempt, reason)
        self._returns[key] += 1
        return returned(flight.attempt)

    # ---- attempts

    def _hand_out(self) -> None:
        while self._waiting:
            place = max(self._places, key=lambda place: (place.room > 0, -len(place.flights)), default=None)
            if place is None or place.room <= 0:
                return
            place.hand(self._waiting.popleft())

    def _listen(self, timeout_s: float) -> None:
        """Wait for anything; then take what every agent has told."""
        places = {place.ready: place for place in self._places if place.facts is None}
        for place in self._places:
            places.update(dict.fromkeys(place.flights, place))
        if not places:
            self._clock.sleep_s(timeout_s)
            return
        known = list(places)
        first, _ = ray.wait(known, timeout=timeout_s)
        if not first:
            return
        ready, _ = ray.wait(known, num_returns=len(known), timeout=0)
        for source in ready:
            place = places[source]
            if place not in self._places:
                continue  # lost a moment ago
            if source is place.ready:
                self._welcome(place)
            else:
                self._receive(place, source)

    def _receive(self, place: Place, stream: Any) -> None:
        """The next messages of an attempt; or its agent's end, if that is what woke us."""
        try:
            told = self._decoder.decode(ray.get(next(stream), timeout=END_S))
        except (RayError, StopIteration) as error:
            self._lose(place, error)
            return
        self._told.extend(place.follow(stream, told))
        if isinstance(told[-1], m.ENDS):
            self._hand_out()
