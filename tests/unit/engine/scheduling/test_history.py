"""The history of a run can be written down, and replayed to the same instructions."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from data_juicer.backends.inline import InlineBackend
from data_juicer.config.schema import JobConfig
from data_juicer.engine.driver import resolve_shards
from data_juicer.engine.lifecycle.environment import RunEnvironment
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.run_context import RunControl
from data_juicer.engine.run_job import run_job
from data_juicer.engine.scheduling import events as e
from data_juicer.engine.scheduling.history import replay
from data_juicer.engine.scheduling.scheduler import Scheduler
from data_juicer.engine.scheduling.task_pool import TaskPool
from data_juicer.storage.memory import MemoryLock, MemoryStore
from data_juicer.testing import jobs
from data_juicer.testing.clock import ManualClock


class Killed(BaseException):
    """The process is gone."""


class FlakyBackend(InlineBackend):
    """Every third attempt is lost with its worker, in one operator or the other."""

    count = 0

    def submit(self, attempt: m.Attempt) -> None:
        self.count += 1
        super().submit(attempt)

    def next_message(self, timeout_s: float) -> m.Message | None:
        message = super().next_message(timeout_s)
        if isinstance(message, m.OperatorStarted) and self.count % 3 == 0:
            self.count += 1
            self._messages = iter(())
            loss = m.Loss(from_within=bool(self.count % 2))
            return m.AttemptFailed(
                task=message.task,
                attempt=message.attempt,
                error_type="WorkerLost",
                message="SIGSEGV",
                operator_index=message.operator_index,
                transient=True,
                loss=loss,
            )
        return message


@pytest.fixture
def config(tmp_path: Path) -> JobConfig:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"".join(b'{"text":"row  %d"}\n' % (row % 7) for row in range(24)))
    process = ["clean_links_mapper", "document_deduplicator", "whitespace_normalization_mapper"]
    settings = {"partition.size": 3, "fault_tolerance.max_retries": 9}
    return jobs.recipe("/disk", [str(path)], process, settings)


@pytest.mark.parametrize("kill_at", random.Random(5).sample(range(5, 90), 6))
def test_the_history_of_a_killed_job_gives_the_same_instructions(
    config: JobConfig, monkeypatch: pytest.MonkeyPatch, kill_at: int
) -> None:
    store, history, answers = jobs.memory_with_input(config), list[bytes](), list[list[e.Instruction]]()

    def write_down(line: bytes) -> None:
        history.append(line)
        if len(history) > kill_at:
            raise Killed

    handle = Scheduler.handle

    def answer(scheduler: Scheduler, event: e.Event) -> list[e.Instruction]:
        answers.append(handle(scheduler, event))
        return answers[-1]

    with monkeypatch.context() as patched:
        patched.setattr(Scheduler, "handle", answer)
        with pytest.raises(Killed):
            run(config, store, write_down)
    del history[-1]  # it was being written down
    assert len(answers) == kill_at - 1
    assert list(replay(history)) == answers
    run(config, store)
    undisturbed = jobs.memory_with_input(config)
    run(config, undisturbed)
    assert jobs.exported(config, store) == jobs.exported(config, undisturbed)
    assert jobs.ledgers(config, store) == jobs.ledgers(config, undisturbed)


def test_shared_tasks_in_the_middle_of_a_run_are_replayed_between_its_events(
    config: JobConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolve_shards, "SHARDED_KEYS", 0)
    history, answers = list[bytes](), list[list[e.Instruction]]()
    handlers = {kind: kind.handle for kind in (Scheduler, TaskPool)}

    def answer(state: Scheduler | TaskPool, event: e.Event) -> list[e.Instruction]:
        answers.append(handlers[type(state)](state, event))  # type: ignore[arg-type]
        return answers[-1]

    for kind in handlers:
        monkeypatch.setattr(kind, "handle", answer)
    run(config, jobs.memory_with_input(config), history.append)
    monkeypatch.undo()
    assert list(replay(history)) == answers
    assert sum(b"PoolPlan" in line for line in history) == 4, "check, meet, join, decide"


def run(config: JobConfig, store: MemoryStore, history: Callable[[bytes], None] | None = None) -> None:
    clock = ManualClock()
    environment = RunEnvironment(
        store=store,
        clock=clock,
        backend=FlakyBackend(store, clock),
        control=RunControl(history=history),
        advisory=MemoryLock(set()),
    )
    run_job(config, environment)
