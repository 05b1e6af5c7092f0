"""How messages of a worker travel to the driver, without a cluster and without a worker."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Iterable

from benchmarks.driver import partition
from data_juicer.backends.ray.agent import TOGETHER_S, Agent, _Relay
from data_juicer.engine.protocol import messages as m
from data_juicer.plan.tasks import Task, TaskKey, TaskKind


def stage(partition_id: int) -> Task:
    return Task(key=TaskKey(TaskKind.STAGE, partition_id, 1), end="result")


class Worker:
    """A backend that tells what it was given to tell."""

    def __init__(self, reported: Iterable[m.Message]) -> None:
        self.reported = deque(reported)

    def submit(self, attempt: m.Attempt) -> None:
        pass

    def next_message(self, timeout_s: float) -> m.Message | None:
        return self.reported.popleft() if self.reported else None


def at(index: int) -> m.OperatorStarted:
    return m.OperatorStarted(task=stage(1).key, attempt="r1a1", operator_index=index)


DONE = m.AttemptDone(task=stage(1).key, attempt="r1a1", duration_s=0.1)
FAILED = m.AttemptFailed(task=stage(1).key, attempt="r1a1", error_type="StoreError", message="disk full")


class Bench:
    """An agent without its thread, and the relay of one attempt that it was given."""

    def __init__(self) -> None:
        self.agent = object.__new__(Agent)
        self.agent._inbox = queue.SimpleQueue()
        self.relay = _Relay(
            m.Attempt(task=stage(1), partition=partition(1), name="r1a1", number=1, base=None)
        )
        self.agent._inbox.put(self.relay)
        self.relays: dict[tuple[int, str], _Relay] = {}

    def turn(self, worker: Worker) -> None:
        self.agent._pass_on(worker, self.relays)

    def parcels(self) -> list[list[m.Message]]:
        return [self.relay.parcels.get() for _ in range(self.relay.parcels.qsize())]


def test_messages_of_an_attempt_travel_together_and_the_last_one_waits_for_nothing():
    bench, worker = Bench(), Worker([at(0), at(1), DONE])
    for _ in range(3):
        bench.turn(worker)
    assert bench.parcels() == [[at(0), at(1), DONE]]


def test_while_an_attempt_goes_on_what_it_reported_sets_out_after_a_moment():
    bench, worker = Bench(), Worker([at(0)])
    bench.turn(worker)
    assert bench.parcels() == []
    bench.relay.since_s -= TOGETHER_S
    bench.turn(worker)
    assert bench.parcels() == [[at(0)]]


def test_a_late_word_of_an_attempt_that_failed_does_not_disturb_the_next_one():
    """A save may fail in its own thread while the operators go on for a while."""
    bench, worker = Bench(), Worker([at(0), FAILED, at(1)])
    for _ in range(2):
        bench.turn(worker)
    assert bench.parcels() == [[at(0), FAILED]]
    second = _Relay(m.Attempt(task=stage(2), partition=partition(2), name="r1a1", number=1, base=None))
    bench.agent._inbox.put(second)
    bench.turn(worker)
    assert (second.waiting, bench.parcels()) == ([], [])
