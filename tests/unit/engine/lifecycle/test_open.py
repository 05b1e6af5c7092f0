"""Taking a job over from a driver that has only just let go of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from data_juicer.backends.inline import InlineBackend
from data_juicer.engine.lifecycle.environment import RunEnvironment
from data_juicer.engine.run_job import run_job
from data_juicer.storage.memory import MemoryLock
from data_juicer.testing import jobs
from data_juicer.testing.clock import ManualClock


class LateLock(MemoryLock):
    """Held by another driver until this one has waited for it."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__(set())
        self._meanwhile = meanwhile

    def acquire(self, path: str) -> bool:
        self._meanwhile()
        return super().acquire(path)


def test_a_driver_that_waited_for_the_lock_looks_again_whether_the_job_is_done(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text":"a  row"}\n')
    config = jobs.recipe("/disk", [str(tmp_path / "in.jsonl")], ["whitespace_normalization_mapper"])
    store, clock = jobs.memory_with_input(config), ManualClock()
    lock = LateLock(lambda: jobs.run_inline(config, store))
    environment = RunEnvironment(store=store, clock=clock, backend=InlineBackend(store, clock), advisory=lock)
    late = run_job(config, environment)
    assert late.already_complete
    assert len(json.loads(store.read(jobs.layout_of(config).summary))["runs"]) == 1
    assert jobs.run_inline(config, store).already_complete, "the lock was let go"
