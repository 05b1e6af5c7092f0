"""Agents on a Ray cluster, each with one worker; a lost agent is an attempt that failed, and is replaced.

Attempts are actor tasks with streaming results. Ray retries nothing: retries are the driver's, who counts and delays them.
With Ray are only attempts under way and one waiting after each short one, so a million partitions are no million objects.
docs/design/0007-ray.md has the reasons.
"""

from __future__ import annotations

import contextlib
import secrets
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import ray
from ray.exceptions import RayError

from data_juicer.backends.ray import cluster
from data_juicer.backends.ray.agent import AgentFacts
from data_juicer.backends.ray.agent_handle import AgentHandle, Flight, lost, returned, start_agent
from data_juicer.backends.ray.storage_probe import check_storage
from data_juicer.clock import Clock
from data_juicer.config.schema import usable_cores
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.protocol.resources import WorkerResources, plan_workers
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.errors import COMMITTED_IS_SAFE, BackendError, HeadLostError
from data_juicer.plan.tasks import TaskKey
from data_juicer.portable import PortableMsgpack, encode_msgpack
from data_juicer.storage.base import Store
from data_juicer.version import VERSION

EARLY_LOSSES_MAX: Final = 3
"""Agents that may die before they are ready, one after the other, until the backend gives up."""
RETURNS_MAX: Final = 3
"""How often a partition may come back unbegun before that counts as a failure: it may be what its agents die of."""
PATIENCE_S: Final = 20.0
"""How long nothing is said while no agent has a agent."""
IDLE_S: Final = 10.0
"""After so long an agent that has nothing to do gives its place to one of another kind."""
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
        kinds: Sequence[WorkerResources],
        store: Store,
        clock: Clock,
        inform: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Nothing is connected or started before `begin`, or before somebody asks for the memory of the cluster.

        Args:
            address: `auto`, `local` or that of a cluster.
            workers_max: None: as many as the cluster can hold.
            kinds: what a worker needs for the stages of each segment of the recipe.
            inform: called with lines for people.
        """
        self._address = address
        self._workers_max = workers_max
        self._kinds = tuple(kinds)
        self._store = store
        self._clock = clock
        self._inform = inform
        self._cluster: cluster.Cluster | None = None
        self._has_joined = False
        """Whether nodes were found to share our storage, and agents started."""
        self._setup: WorkerSetup | None = None
        self._probes: dict[str, bytes] = {}
        self._partitions = 0
        self._capacity = 0
        self._looked_s = 0.0
        self._missed_s: float | None = None
        """Since when the head does not answer."""
        self._begun_s = 0.0
        self._has_announced_wait = False
        self._early_losses = 0
        self._agents: list[AgentHandle] = []
        self._nodes: list[cluster.Node] = []
        self._waiting: dict[WorkerResources, deque[m.AnyAttempt]] = {kind: deque() for kind in self._kinds}
        self._returns: Counter[TaskKey] = Counter()
        self._inbox: deque[m.Message] = deque()
        self._messages: PortableMsgpack[list[m.Message]] = PortableMsgpack(list[m.Message])

    @property
    def workers(self) -> int:
        return self._capacity

    @property
    def slots(self) -> int:
        return max(1, self._capacity * 2)

    def slots_for(self, segment: int) -> int:
        return max(1, self._plan(self._kinds)[self._kinds[segment]] * 2)

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

    def submit(self, attempt: m.AnyAttempt) -> None:
        if not self._has_joined and self._setup is not None:
            self._join(self._setup)
        kind = self._kinds[attempt.task.segment]
        self._waiting[kind].append(attempt)
        self._hand_out()
        if not any(agent.kind == kind for agent in self._agents):
            self._fill()

    def cancel(self, task: TaskKey, attempt: str) -> None:
        """Its agent is killed, and the worker with it, unless it has begun with another attempt as well."""
        for waiting in self._waiting.values():
            for unwanted in [it for it in waiting if (it.key, it.name) == (task, attempt)]:
                waiting.remove(unwanted)
        for agent in self._agents:
            if agent.cancel(task, attempt) and not agent.is_needed():
                self._end_agent(agent)
                return

    def next_message(self, timeout_s: float) -> m.Message | None:
        """Raises: BackendError: the head of the cluster is gone."""
        if not self._inbox:
            self._look_around()
            self._listen(timeout_s)
        return self._inbox.popleft() if self._inbox else None

    def memory_bytes(self) -> int | None:
        self._connect()
        return int(sum(node.resources.get("memory", 0) for node in self._nodes))

    def worker_pids(self) -> tuple[int, ...]:
        return ()

    def close(self) -> None:
        """Stop the agents, whose workers end with them, and leave the cluster."""
        if self._cluster is None:
            return
        is_head_gone = self._missed_s is not None  # every call that needs it would wait for a minute
        if not is_head_gone:
            self._end_agents()
        self._agents = []
        for path in self._probes:
            self._store.remove(path)
        self._probes = {}
        if is_head_gone:
            self._cluster.abandon()
        else:
            self._cluster.leave()
        self._cluster = None

    # ---- agents

    def _end_agents(self) -> None:
        streams = [stream for agent in self._agents for stream in agent.flights]
        for agent in self._agents:
            agent.kill()
        if streams:
            with contextlib.suppress(RayError):
                ray.wait(streams, num_returns=len(streams), timeout=END_S)

    def _connect(self) -> None:
        """Join the cluster and look at its nodes, once. Raises: BackendError: no node can hold a worker."""
        if self._cluster is not None:
            return
        self._cluster = cluster.join(self._address, self._workers_max or usable_cores())
        if self._cluster.dashboard:
            self._inform(f"Ray dashboard: http://{self._cluster.dashboard}")
        self._nodes = cluster.alive_nodes()
        for kind in self._kinds:
            if not any(kind.fits(node.resources) for node in self._nodes):
                nodes_text = "; ".join(
                    f"{node}: {node.resources.get('CPU', 0):g} CPU, {node.resources.get('GPU', 0):g} GPU"
                    for node in self._nodes
                )
                raise BackendError(
                    f"no node of the Ray cluster can hold a worker, which needs {kind}. {nodes_text}"
                )
        self._capacity = self._plan(self._kinds).total()

    def _join(self, setup: WorkerSetup) -> None:
        self._connect()
        self._has_joined = True
        self._probe(setup, self._nodes)
        self._looked_s = self._begun_s = self._clock.monotonic_s()
        self._fill()

    def _plan(self, kinds: Sequence[WorkerResources]) -> Counter[WorkerResources]:
        return plan_workers([node.resources for node in self._nodes], kinds, self._workers_max)

    def _probe(self, setup: WorkerSetup, nodes: list[cluster.Node]) -> None:
        """One file in each directory of the job, to be seen by all nodes that may hold a worker."""
        token = secrets.token_bytes(16)
        self._probes = dict.fromkeys(setup.layout.storage_probes, token)
        for path, data in self._probes.items():
            self._store.stage(path, data)
        wanted = {**self._probes, **dict.fromkeys(setup.custom_operator_paths, b"")}
        check_storage(
            [node for node in nodes if any(kind.fits(node.resources) for kind in self._kinds)], wanted
        )

    def _fill(self) -> None:
        """Start agents until there are as many as are wanted; those without a place wait for one.

        Agents of a kind that nothing waits for give their place to those that something waits for, after a while.
        """
        busy = [kind for kind in dict.fromkeys(self._kinds) if self._has_work(kind)]
        planned = self._plan(busy or self._kinds[:1])
        wanted = {kind: min(count, max(1, self._partitions)) for kind, count in planned.items()}
        self._release(wanted)
        running = Counter(agent.kind for agent in self._agents)
        for kind, count in wanted.items():
            for _ in range(count - running[kind]):
                self._agents.append(start_agent(kind, encode_msgpack(self._setup)))

    def _release(self, wanted: Mapping[WorkerResources, int]) -> None:
        """End agents that have nothing to do and are more than wanted, where others have no place."""
        placed = Counter(agent.kind for agent in self._agents if agent.facts)
        lacking = [kind for kind, count in wanted.items() if placed[kind] < count]
        is_urgent = any(not placed[kind] for kind in lacking)
        left = sum(count - placed[kind] for kind, count in wanted.items() if kind in lacking)
        now_s = self._clock.monotonic_s()
        for agent in [agent for agent in self._agents if agent.facts]:
            is_surplus = placed[agent.kind] > wanted.get(agent.kind, 0)
            if not lacking or not is_surplus or agent.flights or self._waiting[agent.kind]:
                agent.idle_since_s = None
                continue
            agent.idle_since_s = now_s if agent.idle_since_s is None else agent.idle_since_s
            if left and (is_urgent or now_s - agent.idle_since_s >= IDLE_S):
                left -= 1
                agent.kill()
                self._agents.remove(agent)
                placed[agent.kind] -= 1

    def _has_work(self, kind: WorkerResources) -> bool:
        return bool(self._waiting[kind]) or any(agent.flights for agent in self._agents if agent.kind == kind)

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
        self._nodes = cluster.alive_nodes()
        self._capacity = max(self._capacity, self._plan(self._kinds).total())
        self._fill()
        is_waiting = not any(agent.facts for agent in self._agents) and now_s - self._begun_s > PATIENCE_S
        if is_waiting and not self._has_announced_wait:
            self._has_announced_wait = True
            self._inform(
                f"no worker has a place yet; each needs {' or '.join(map(str, dict.fromkeys(self._kinds)))}, and the cluster has none free"
            )

    def _miss_head(self, now_s: float) -> None:
        """Every call that needs the head would wait for it; a job that ends by itself can say how to go on."""
        self._missed_s = now_s if self._missed_s is None else self._missed_s
        away_s = now_s - self._missed_s
        if away_s >= HEAD_GONE_S and self._cluster is not None:
            raise HeadLostError(
                f"the head of the Ray cluster, {self._cluster.head}, has not answered for {away_s:.0f} s. "
                f"{COMMITTED_IS_SAFE}; start the job again, on this cluster or another."
            )

    def _welcome(self, agent: AgentHandle) -> None:
        try:
            facts = msgspec.msgpack.decode(ray.get(agent.ready), type=AgentFacts)
        except RayError as error:
            self._early_losses += 1
            if self._early_losses > EARLY_LOSSES_MAX:
                raise BackendError(
                    f"workers end before they take an attempt: {cluster.one_line(error)}"
                ) from error
            self._lose(agent, error)
            return
        if facts.version != VERSION:
            raise BackendError(f"node {facts.host} has data_juicer {facts.version}, this machine {VERSION}.")
        self._early_losses = 0
        agent.welcome(facts)
        self._hand_out()

    def _end_agent(self, agent: AgentHandle) -> None:
        """Another one in the place of an agent whose attempts are not wanted; those it had not begun are handed out again."""
        agent.kill()
        self._agents.remove(agent)
        left = [it.attempt for it in agent.flights.values() if not (it.has_begun or it.is_cancelled)]
        self._waiting[agent.kind].extendleft(reversed(left))
        self._fill()
        self._hand_out()

    def _lose(self, agent: AgentHandle, error: BaseException) -> None:
        """An agent is gone: its attempts failed, or come back if they had not begun, and another agent starts."""
        agent.kill()
        self._agents.remove(agent)
        reason = f"{type(error).__name__} on node {agent.node or '?'}: {cluster.one_line(error)}"
        wanted = [flight for flight in agent.flights.values() if not flight.is_cancelled]
        self._inbox.extend(self._end(flight, reason) for flight in wanted)
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
        for kind, waiting in self._waiting.items():
            free = [agent for agent in self._agents if agent.kind == kind and agent.room > 0]
            for attempt in list(waiting) if free else ():
                if (agent := self._place(attempt, free)) is None:
                    continue
                waiting.remove(attempt)
                agent.hand(attempt)
                free = [agent for agent in free if agent.room > 0]
                if not free:
                    break

    def _place(self, attempt: m.AnyAttempt, free: Sequence[AgentHandle]) -> AgentHandle | None:
        """The agent with least to do that has no attempt of the same task; for a copy on another node, if there is one."""
        idlest = min(free, key=lambda agent: len(agent.flights))
        at = {agent.node for agent in self._agents if agent.has(attempt.key)} if attempt.is_copy else ()
        if not at and not idlest.has(attempt.key):
            return idlest
        others = [agent for agent in free if not agent.has(attempt.key)]
        return min(others, key=lambda agent: (agent.node in at, len(agent.flights)), default=None)

    def _listen(self, timeout_s: float) -> None:
        """Wait for anything; then take what every agent has reported."""
        agents = {agent.ready: agent for agent in self._agents if agent.facts is None}
        for agent in self._agents:
            agents.update(dict.fromkeys(agent.flights, agent))
        if not agents:
            self._clock.sleep_s(timeout_s)
            return
        known = list(agents)
        first, _ = ray.wait(known, timeout=timeout_s)
        if not first:
            return
        ready, _ = ray.wait(known, num_returns=len(known), timeout=0)
        for source in ready:
            agent = agents[source]
            if agent not in self._agents:
                continue  # lost a moment ago
            if source is agent.ready:
                self._welcome(agent)
            else:
                self._receive(agent, source)

    def _receive(self, agent: AgentHandle, stream: Any) -> None:
        """The next messages of an attempt; or its agent's end, if that is what woke us."""
        try:
            messages = self._messages.decode(ray.get(next(stream), timeout=END_S))
        except (RayError, StopIteration) as error:
            self._lose(agent, error)
            return
        self._inbox.extend(agent.follow(stream, messages))
        if isinstance(messages[-1], m.ENDS):
            self._hand_out()
            if len(self._waiting) > 1 and not agent.flights:
                self._fill()
