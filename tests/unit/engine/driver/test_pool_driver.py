"""A scan on workers in a whole job: the mapping and the result are those of a job that scans by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_juicer.backends.inline import InlineBackend
from data_juicer.config.schema import JobConfig
from data_juicer.engine.lifecycle.environment import RunEnvironment
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.run_context import RunControl
from data_juicer.engine.run_job import run_job
from data_juicer.engine.scheduling.history import replay
from data_juicer.errors import InputError, JobFailedError, JobStoppedError
from data_juicer.plan.mapping import decode_mapping
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.scan import shared
from data_juicer.storage.memory import MemoryLock, MemoryStore
from data_juicer.testing import jobs
from data_juicer.testing.clock import ManualClock
from data_juicer.testing.jobs import Watch


class Workers(InlineBackend):
    """Stands for several workers, of which some are lost in the first attempt of a task, before or after they tell what they
    found; all of them if `lost` is 1.
    """

    workers = 2
    lost = 0
    begun = 0

    def next_message(self, timeout_s: float) -> m.Message | None:
        message = super().next_message(timeout_s)
        if isinstance(message, m.WorkFound | m.AttemptDone) and message.task.kind == "scan":
            self.begun += 1
            is_first = message.attempt.endswith("a1")
            if self.lost == 1 or (self.lost and is_first and self.begun % self.lost == 0):
                self._messages = iter(())
                return m.AttemptFailed(
                    task=message.task,
                    attempt=message.attempt,
                    error_type="WorkerLost",
                    message="SIGKILL while rows were read or saved",
                    transient=True,
                    loss=m.Loss(),
                )
        return message


@pytest.fixture
def config(tmp_path: Path) -> JobConfig:
    text = b"".join(b'{"text":"row  %d"}\n' % row for row in range(90))
    (tmp_path / "in.jsonl").write_bytes(text)
    return jobs.recipe(
        "/disk/jobs",
        [str(tmp_path / "in.jsonl")],
        ["whitespace_normalization_mapper"],
        {"partition.size": 7, "fault_tolerance.max_retries": 2},
    )


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "LARGE_BYTES", 0)
    monkeypatch.setattr(shared, "RANGE_BYTES", 100)


def run(config: JobConfig, store: MemoryStore, lost: int = 0, control: RunControl | None = None) -> None:
    clock = ManualClock()
    backend = Workers(store, clock)
    backend.lost = lost
    environment = RunEnvironment(
        store=store,
        clock=clock,
        backend=backend,
        control=control or RunControl(),
        advisory=MemoryLock(set()),
    )
    run_job(config, environment)


def partitions(config: JobConfig, store: MemoryStore) -> tuple[PartitionSpec, ...]:
    layout = jobs.layout_of(config)
    return decode_mapping(store.read(layout.dataset_mapping), "mapping", layout.partitions_dir).partitions


@pytest.mark.usefixtures("small_ranges")
@pytest.mark.parametrize("lost", [0, 3, 4])
def test_partitions_and_result_are_those_of_one_process(config: JobConfig, lost: int) -> None:
    alone, store = jobs.memory_with_input(config), jobs.memory_with_input(config)
    jobs.run_inline(config, alone)
    watch, history = Watch(), list[bytes]()
    run(config, store, lost, RunControl(observers=(watch,), history=history.append))
    assert partitions(config, store) == partitions(config, alone)
    assert jobs.exported(config, store) == jobs.exported(config, alone)
    failures = [reported for reported in watch.warnings if "the scan of" in reported]
    assert bool(failures) == bool(lost)
    assert all("it is made again in" in reported for reported in failures)
    assert sum(1 for _ in replay(history)) > 20


@pytest.mark.usefixtures("small_ranges")
def test_a_scan_whose_workers_are_always_lost_says_of_which_bytes(config: JobConfig) -> None:
    with pytest.raises(
        JobFailedError, match=r"the scan of .*in\.jsonl, bytes [0-9,]+ to [0-9,]+ failed: SIGKILL"
    ):
        run(config, jobs.memory_with_input(config), lost=1)


@pytest.mark.usefixtures("small_ranges")
def test_a_signal_ends_a_scan_at_once(config: JobConfig) -> None:
    with pytest.raises(JobStoppedError):
        run(config, jobs.memory_with_input(config), control=RunControl(stop_signal=lambda: 15))


@pytest.mark.usefixtures("small_ranges")
def test_a_source_that_cannot_be_read_is_the_error_of_the_job(tmp_path: Path, config: JobConfig) -> None:
    path = tmp_path / "broken.jsonl.gz"
    path.write_bytes(b"\x1f\x8b\x08\x00" + b"\0" * 3000)
    store = jobs.memory_with_input(config)
    broken = jobs.recipe("/disk/jobs", [str(path)], [])
    jobs.copy_input(broken, store)
    with pytest.raises(InputError, match="stream breaks off or is damaged"):
        run(broken, store)
