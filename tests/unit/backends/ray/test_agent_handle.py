"""What the Ray backend gives to its agents, and what becomes of it, without a cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ray", reason="the extra ray is not installed")

from ray.exceptions import OutOfMemoryError

from benchmarks.driver import partition
from data_juicer.backends.ray import backend as backend_of_ray
from data_juicer.backends.ray.agent import AgentFacts
from data_juicer.backends.ray.agent_handle import AgentHandle
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.protocol.resources import WorkerResources
from data_juicer.errors import BackendError
from data_juicer.plan.tasks import Task, TaskKey, TaskKind
from data_juicer.storage.memory import MemoryStore
from data_juicer.testing.clock import ManualClock
from data_juicer.version import VERSION


def stage(partition_id: int) -> Task:
    return Task(key=TaskKey(TaskKind.STAGE, partition_id, 1), end="result")


@dataclass
class Calls:
    """The agent as Ray shows it: `actor.run.options(...).remote(...)` gives a stream."""

    given: list[bytes] = field(default_factory=list)

    @property
    def run(self) -> Calls:
        return self

    def options(self, **_: Any) -> Calls:
        return self

    def remote(self, encoded: bytes) -> object:
        self.given.append(encoded)
        return object()


def ready_place() -> AgentHandle:
    agent = AgentHandle(Calls(), object())
    agent.welcome(AgentFacts(version=VERSION, node_id="0123456789abcdef", host="10.0.0.7", pid=7))
    return agent


def backend(*agents: AgentHandle) -> backend_of_ray.RayBackend:
    made = backend_of_ray.RayBackend("auto", None, [WorkerResources()], MemoryStore(), ManualClock())
    made._agents = list(agents)
    return made


def attempt(partition_id: int) -> m.Attempt:
    return m.Attempt(
        task=stage(partition_id), partition=partition(partition_id), name="r1a1", number=1, base=None
    )


def started(partition_id: int) -> m.AttemptStarted:
    return m.AttemptStarted(task=stage(partition_id).key, attempt="r1a1", worker="pid 8")


def done(partition_id: int, duration_s: float) -> m.AttemptDone:
    return m.AttemptDone(task=stage(partition_id).key, attempt="r1a1", duration_s=duration_s)


def test_ray_is_given_two_short_attempts_an_agent_however_many_wait():
    agents = [ready_place(), ready_place()]
    for agent in agents:
        agent.attempt_s = 0.1
    here = backend(*agents)
    for number in range(1000):
        here.submit(attempt(number))
    assert [len(agent.flights) for agent in agents] == [2, 2]
    stream = next(iter(agents[0].flights))
    agents[0].follow(stream, [done(0, 0.1)])
    here._hand_out()
    assert [len(agent.actor.given) for agent in agents] == [3, 2]


def test_an_agent_whose_attempts_are_long_is_given_one():
    agent = ready_place()
    here = backend(agent)
    here.submit(attempt(0))
    agent.follow(next(iter(agent.flights)), [started(0), done(0, 60.0)])
    here.submit(attempt(1))
    here.submit(attempt(2))
    assert len(agent.flights) == 1


def test_the_driver_names_the_node_of_an_attempt():
    agent = ready_place()
    agent.hand(attempt(3))
    (reported,) = agent.follow(next(iter(agent.flights)), [started(3)])
    assert reported.node == "10.0.0.7 (0123456789ab)"


def test_of_a_lost_agent_only_what_it_had_begun_has_failed():
    agent = ready_place()
    for number in (4, 5):
        agent.hand(attempt(number))
    begun, waiting = agent.flights
    agent.follow(begun, [started(4)])
    ends = [backend()._end(flight, "gone") for flight in agent.flights.values()]
    assert [type(end) for end in ends] == [m.AttemptFailed, m.AttemptReturned]
    assert agent.flights[waiting].attempt.key == ends[1].task


def test_a_partition_that_comes_back_unbegun_again_and_again_has_failed():
    agent, here = ready_place(), backend()
    agent.hand(attempt(6))
    (flight,) = agent.flights.values()
    ends = [here._end(flight, "gone") for _ in range(backend_of_ray.RETURNS_MAX + 1)]
    assert [isinstance(end, m.AttemptFailed) for end in ends] == [False] * backend_of_ray.RETURNS_MAX + [True]


def test_a_head_that_is_away_for_a_while_ends_the_run_and_one_that_comes_back_does_not():
    here = backend()
    knocks = iter([False, True, *[False] * 6])
    here._cluster = SimpleNamespace(answers=lambda: next(knocks), head="10.0.0.1:6379")
    here._look_at_nodes = lambda now_s: None
    for _ in range(7):
        here._clock.sleep_s(backend_of_ray.LOOK_S)
        here._look_around()
    here._clock.sleep_s(backend_of_ray.LOOK_S)
    with pytest.raises(BackendError, match=r"10\.0\.0\.1:6379, has not answered for 25 s"):
        here._look_around()


def test_a_worker_that_rays_memory_monitor_ends_costs_the_attempt_that_it_was_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ray's monitor kills the worker that takes most; what it says is told in one line."""

    def killed(*_: Any, **__: Any) -> None:
        raise OutOfMemoryError(
            "1 worker was killed due to the node running low on memory.\nMemory: 15 GB of 16 GB"
        )

    agent = ready_place()
    agent.hand(attempt(7))
    agent.hand(attempt(8))
    here = backend(agent)
    begun = next(iter(agent.flights))
    agent.follow(begun, [started(7)])
    monkeypatch.setattr(backend_of_ray.ray, "get", killed)
    monkeypatch.setattr(here, "_fill", lambda: None)
    monkeypatch.setattr(AgentHandle, "kill", lambda _: None)
    here._receive(agent, iter([begun]))
    failed, returned = here._inbox
    assert isinstance(failed, m.AttemptFailed)
    assert failed.task == stage(7).key
    assert "running low on memory" in str(failed)
    assert isinstance(returned, m.AttemptReturned)
    assert agent not in here._agents
