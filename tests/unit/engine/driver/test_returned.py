"""Attempts that no worker took up."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from data_juicer.backends.inline import InlineBackend
from data_juicer.engine.lifecycle.environment import RunEnvironment
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.run_context import RunControl
from data_juicer.engine.run_job import run_job
from data_juicer.events import types as t
from data_juicer.plan.tasks import TaskKey
from data_juicer.storage.memory import MemoryLock
from data_juicer.testing import jobs
from data_juicer.testing.clock import ManualClock


class Forgetful(InlineBackend):
    """Gives the first attempt of each partition back."""

    returned: deque[m.Message]
    seen: set[TaskKey]

    def submit(self, attempt: m.Attempt) -> None:
        if attempt.key in self.seen:
            super().submit(attempt)
            return
        self.seen.add(attempt.key)
        self.returned.append(m.AttemptReturned(task=attempt.key, attempt=attempt.name))

    def next_message(self, timeout_s: float) -> m.Message | None:
        return self.returned.popleft() if self.returned else super().next_message(timeout_s)


def test_an_attempt_that_comes_back_unbegun_is_made_again_under_another_name_and_is_no_failure(
    tmp_path: Path,
) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"".join(b'{"text": "row %d"}\n' % row for row in range(40)))
    settings = {"partition.size": 10, "fault_tolerance.max_retries": 0}
    config = jobs.recipe("/jobs", [str(tmp_path / "in.jsonl")], ["clean_links_mapper"], settings)
    store, clock, watch = jobs.memory_with_input(config), ManualClock(), jobs.Watch()
    backend = Forgetful(store, clock)
    backend.returned, backend.seen = deque(), set()
    environment = RunEnvironment(
        store=store,
        clock=clock,
        backend=backend,
        control=RunControl(observers=(watch,)),
        advisory=MemoryLock(set()),
    )
    run_job(config, environment)
    assert not watch.events(t.PartitionFailed)
    assert [start.attempt for start in watch.events(t.PartitionStart)] == ["r1a2"] * 4
