"""A driver that was taken for dead leaves the job to the run that owns it now."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_juicer.backends.inline import InlineBackend
from data_juicer.config.schema import JobConfig
from data_juicer.engine.lifecycle.environment import RunEnvironment
from data_juicer.engine.run_context import Observer, RunControl
from data_juicer.engine.run_job import run_job
from data_juicer.errors import JobLockedError
from data_juicer.events import types as t
from data_juicer.storage.memory import MemoryLock
from data_juicer.testing import jobs
from data_juicer.testing.clock import ManualClock


@pytest.fixture
def config(tmp_path: Path) -> JobConfig:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"".join(b'{"text":"row  %d"}\n' % row for row in range(4)))
    settings = {"partition.size": 1, "intermediate_storage.retention_policy": "keep_failed_only"}
    return jobs.recipe("/disk", [str(path)], ["whitespace_normalization_mapper"], settings)


def test_it_removes_nothing_and_calls_nothing_failed(config: JobConfig) -> None:
    store, clock, watch = jobs.memory_with_input(config), ManualClock(), jobs.Watch()
    layout = jobs.layout_of(config)
    theirs = [
        layout.checkpoint_data(3, 0, "r2a1", "parquet"),
        layout.result_data(3, "r2a1", "jsonl"),
        f"{layout.checkpoint_manifest(3, 0)}.77.aside",
    ]
    present: dict[str, bytes] = {}

    class TakeOver(Observer):
        """The owner's workers have staged what its driver is about to commit."""

        def heartbeat(self, activity: str) -> None:
            if watch.events(t.PartitionComplete) and not present:
                for path in theirs:
                    store.write(path, b"x")
                store.put_if_absent(layout.run_claim(2), b"{}")
                present.update(store.contents())

    environment = RunEnvironment(
        store=store,
        clock=clock,
        backend=InlineBackend(store, clock),
        control=RunControl(observers=(watch, TakeOver())),
        advisory=MemoryLock(set()),
    )
    with pytest.raises(JobLockedError, match="run 2 took the job over"):
        run_job(config, environment)
    left = store.contents()
    assert not present.keys() - left.keys()
    assert left[layout.summary] == present[layout.summary]
    assert not watch.events(t.JobFailed)
