"""One agent as the driver sees it: where it is, what it was given, and what becomes of that when it is lost."""

from __future__ import annotations

import contextlib
from typing import Any, Final

import msgspec
import ray
from ray.exceptions import RayError

from data_juicer.backends.ray.agent import Agent, AgentFacts
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.protocol.resources import WorkerResources
from data_juicer.plan.tasks import TaskKey
from data_juicer.portable import encode_msgpack

SHORT_ATTEMPT_S: Final = 1.0
"""A second attempt waits with an agent whose attempts are shorter than this, so that its worker is never idle."""


class Flight(msgspec.Struct, eq=False):
    attempt: m.AnyAttempt
    has_begun: bool = False
    """A worker said that it took it up."""
    is_cancelled: bool = False
    """It is not wanted any more."""


class AgentHandle(msgspec.Struct, eq=False):
    """An agent, and what it was given."""

    actor: Any
    ready: Any
    """A reference, fulfilled when the agent runs."""
    kind: WorkerResources = msgspec.field(default_factory=WorkerResources)
    """What it was given, and the stages that it may run therefore."""
    idle_since_s: float | None = None
    """Since when it has nothing to do while others wait; None: it has."""
    node: str = ""
    facts: AgentFacts | None = None
    flights: dict[Any, Flight] = msgspec.field(default_factory=dict)
    """Stream of messages -> attempt, the oldest first."""
    attempt_s: float = SHORT_ATTEMPT_S
    """How long its last attempt took."""

    @property
    def room(self) -> int:
        """How many attempts it may be given now."""
        if self.facts is None:
            return 0
        return (2 if self.attempt_s < SHORT_ATTEMPT_S else 1) - len(self.flights)

    def welcome(self, facts: AgentFacts) -> None:
        self.facts = facts
        self.node = f"{facts.host} ({facts.node_id[:12]})"

    def has(self, task: TaskKey) -> bool:
        """It was given an attempt of the task."""
        return any(flight.attempt.key == task for flight in self.flights.values())

    def cancel(self, task: TaskKey, attempt: str) -> bool:
        """Whether it was given this attempt, which is not wanted any more."""
        for flight in self.flights.values():
            if (flight.attempt.key, flight.attempt.name) == (task, attempt):
                flight.is_cancelled = True
                return True
        return False

    def is_needed(self) -> bool:
        """It has begun with an attempt that is wanted."""
        return any(flight.has_begun and not flight.is_cancelled for flight in self.flights.values())

    def hand(self, attempt: m.AnyAttempt) -> None:
        stream = self.actor.run.options(num_returns="streaming").remote(encode_msgpack(attempt))
        self.flights[stream] = Flight(attempt)

    def follow(self, stream: Any, messages: list[m.Message]) -> list[m.Message]:
        """Take in the messages of an attempt; the same messages, with the node that only the driver knows the name of."""
        if any(isinstance(message, m.AttemptStarted) for message in messages):
            self.flights[stream].has_begun = True
        if isinstance(messages[-1], m.ENDS):
            del self.flights[stream]
        if isinstance(messages[-1], m.AttemptDone):
            self.attempt_s = messages[-1].duration_s
        return [
            msgspec.structs.replace(message, node=self.node)
            if isinstance(message, m.AttemptStarted)
            else message
            for message in messages
        ]

    def kill(self) -> None:
        with contextlib.suppress(RayError, ValueError):
            ray.kill(self.actor, no_restart=True)


def start_agent(kind: WorkerResources, setup: bytes) -> AgentHandle:
    """Ask for an agent; it waits for as long as no node has room for it."""
    actor = (
        ray.remote(Agent)
        .options(
            num_cpus=kind.cpus,
            num_gpus=kind.gpus or None,
            memory=kind.memory_bytes or None,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=3,
            scheduling_strategy="SPREAD",
        )
        .remote(setup)
    )
    return AgentHandle(actor, actor.ready.remote(), kind)  # type: ignore[attr-defined] # Ray adds it


def lost(attempt: m.AnyAttempt, reason: str) -> m.AttemptFailed:
    """The end of an attempt whose agent is gone; no row can be blamed."""
    return m.AttemptFailed(
        task=attempt.key,
        attempt=attempt.name,
        error_type="WorkerLost",
        message=reason,
        transient=True,
        loss=m.Loss(),
    )


def returned(attempt: m.AnyAttempt) -> m.AttemptReturned:
    return m.AttemptReturned(task=attempt.key, attempt=attempt.name)
