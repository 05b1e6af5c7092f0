"""A partition that waits for its retry, seen through a whole run: its worker does something else meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_juicer.backends.inline import InlineBackend
from data_juicer.engine.lifecycle.environment import RunEnvironment
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.run_context import RunControl
from data_juicer.engine.run_job import run_job
from data_juicer.events import types as t
from data_juicer.storage.memory import MemoryLock, MemoryStore
from data_juicer.testing import jobs
from data_juicer.testing.clock import ManualClock
from data_juicer.testing.jobs import Watch


class FlakyBackend(InlineBackend):
    """One worker; the first attempts of partition 0 fail as if it was lost."""

    def __init__(self, store: MemoryStore, clock: ManualClock, failures: int) -> None:
        super().__init__(store, clock)
        self._failures = failures
        self._failed: list[m.Message] = []

    def submit(self, attempt: m.Attempt) -> None:
        if attempt.partition.partition_id == 0 and self._failures:
            self._failures -= 1
            lost = m.AttemptFailed(
                task=attempt.key, attempt=attempt.name, error_type="OSError", message="lost", transient=True
            )
            self._failed.append(lost)
        else:
            super().submit(attempt)

    def next_message(self, timeout_s: float) -> m.Message | None:
        return self._failed.pop() if self._failed else super().next_message(timeout_s)


@pytest.mark.parametrize(("backoff", "least_s"), [("exponential", 0.9 * (1 + 2)), ("fixed", 0.9 * (1 + 1))])
def test_while_a_partition_waits_for_its_retry_the_one_worker_does_all_others(
    tmp_path: Path, backoff: str, least_s: float
) -> None:
    (tmp_path / "in.jsonl").write_text('{"text":"a row"}\n' * 5)
    settings = {"partition.size": 1, "fault_tolerance.retry_backoff": backoff}
    config = jobs.recipe("/disk", [str(tmp_path / "in.jsonl")], ["whitespace_normalization_mapper"], settings)
    store, clock, watch = jobs.memory_with_input(config), ManualClock(), Watch()
    begun_s = clock.monotonic_s()
    run_job(
        config,
        RunEnvironment(
            store=store,
            clock=clock,
            backend=FlakyBackend(store, clock, failures=2),
            control=RunControl(observers=(watch,)),
            advisory=MemoryLock(set()),
        ),
    )
    done = [event.partition_id for event in watch.events(t.PartitionComplete)]
    assert done == [1, 2, 3, 4, 0], "the worker waited with the partition"
    assert clock.monotonic_s() - begun_s >= least_s, "it was tried again without a delay"
