"""What a worker tells its driver, attempt by attempt, and what it saves before an operator that may end it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from data_juicer.backends.inline import InlineBackend
from data_juicer.config.schema import JobConfig
from data_juicer.engine.lifecycle.environment import RunEnvironment
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.run_context import Observer, RunControl
from data_juicer.engine.run_job import run_job
from data_juicer.errors import JobFailedError
from data_juicer.events import types as t
from data_juicer.plan.tasks import TaskKey
from data_juicer.storage.memory import MemoryLock, MemoryStore
from data_juicer.testing import jobs
from data_juicer.testing.clock import ManualClock

PROCESS = ["clean_links_mapper", "whitespace_normalization_mapper", "clean_email_mapper"]
SUSPECT = 1
"""The operator in which workers are lost."""


class CrashingBackend(InlineBackend):
    """Loses the worker as a local backend does, with what was reported before: at rows that are poisoned, in one operator."""

    def __init__(self, store: MemoryStore, clock: ManualClock, poisoned: Callable[[int], bool]) -> None:
        super().__init__(store, clock)
        self.poisoned = poisoned
        self.lost = 0
        self.reported: list[m.Message] = []
        self.attempts: list[m.Attempt] = []

    def submit(self, attempt: m.Attempt) -> None:
        self.attempts.append(attempt)
        super().submit(attempt)

    def next_message(self, timeout_s: float) -> m.Message | None:
        message = super().next_message(timeout_s)
        if message is not None:
            self.reported.append(message)
        if not isinstance(message, m.OperatorStarted) or message.operator_index != SUSPECT:
            return message
        loss = self._loss(self.attempts[-1])
        return message if loss is None else self._lose(message, loss)

    def _loss(self, attempt: m.Attempt) -> m.Loss | None:
        excluded = {each.row.row for each in attempt.isolation.excluded}
        rows = [row for row in range(attempt.partition.rows) if row not in excluded]
        dead = [row for row in rows if self.poisoned(row)]
        if not dead:
            return None
        if SUSPECT not in attempt.isolation.row_by_row:
            return m.Loss(from_within=True)
        row = m.OperatorRow(operator_index=SUSPECT, row=dead[0], origin=dead[0])
        is_alone = attempt.isolation.first == row
        before = 0 if is_alone else rows.index(dead[0])
        return m.Loss(row=row, alone=is_alone, from_within=True, rows_before=before)

    def _lose(self, message: m.OperatorStarted, loss: m.Loss) -> m.AttemptFailed:
        self.lost += 1
        self._messages = iter(())
        return m.AttemptFailed(
            task=message.task,
            attempt=message.attempt,
            error_type="WorkerLost",
            message="SIGSEGV in whitespace_normalization_mapper",
            operator_index=SUSPECT,
            transient=True,
            loss=loss,
            trace='Current thread 0x1 (most recent call first):\n  File "/opt/seg.py", line 9 in crash\n',
        )


def a_job(folder: Path, strategy: str, process: Sequence[str] = PROCESS) -> JobConfig:
    path = folder / "in.jsonl"
    path.write_bytes(b"".join(b'{"text":"row  %d"}\n' % row for row in range(200)))
    settings = {
        "partition.size": 100,
        "fault_tolerance.max_dead_letter_ratio": 0.1,
        "checkpoint.strategy": strategy,
    }
    return jobs.recipe("/disk", [str(path)], process, settings)


@pytest.fixture
def config(tmp_path: Path) -> JobConfig:
    return a_job(tmp_path, "every_partition")


def run(config: JobConfig, poisoned: Callable[[int], bool]) -> tuple[CrashingBackend, jobs.Watch]:
    store, clock, watch = jobs.memory_with_input(config), ManualClock(), jobs.Watch()
    backend = CrashingBackend(store, clock, poisoned)
    control = RunControl(observers=(watch,))
    environment = RunEnvironment(
        store=store, clock=clock, backend=backend, control=control, advisory=MemoryLock(set())
    )
    run_job(config, environment)
    return backend, watch


def bases(backend: CrashingBackend, number: int) -> list[int | None]:
    """The checkpoint that each attempt of a partition went on from."""
    attempts = [each for each in backend.attempts if each.key.number == number]
    return [None if each.base is None else each.base.operator_index for each in attempts]


@pytest.mark.parametrize("strategy", ["every_op", "every_partition", "disabled"])
def test_the_stage_before_an_operator_under_suspicion_is_committed_first(
    tmp_path: Path, strategy: str
) -> None:
    backend, watch = run(a_job(tmp_path, strategy), lambda row: row == 7)
    first = SUSPECT - 1 if strategy == "every_op" else None
    assert bases(backend, 0) == [None, first, SUSPECT - 1, SUSPECT - 1]
    done = [event for event in watch.events(t.OpComplete) if event.operation_idx == SUSPECT - 1]
    assert len([event for event in done if event.partition_id == 0]) == (1 if strategy == "every_op" else 2)


def test_a_row_that_ends_workers_costs_four_of_them_and_one_dead_letter(config: JobConfig) -> None:
    backend, watch = run(config, lambda row: row == 7)
    assert backend.lost == 2 * 3, "in the batch, among its neighbours, alone; for each of two partitions"
    (ledger,) = [event.data for event in watch.events(t.PerformanceMetric) if event.operation_idx == SUSPECT]
    assert (ledger.rows_in, ledger.rows_out, ledger.rows_dead_letter) == (200, 198, 2)


def test_an_operator_that_crashes_on_every_row_ends_the_job_and_is_named_with_its_stack(
    config: JobConfig,
) -> None:
    with pytest.raises(
        JobFailedError,
        match=r"whitespace_normalization_mapper crashes on every row tried \(5 of 5\): SIGSEGV .*seg\.py:9 in crash",
    ):
        run(config, lambda _row: True)


def test_crashes_on_more_rows_than_the_ratio_allows_end_the_job_before_its_partition_does(
    config: JobConfig,
) -> None:
    with pytest.raises(JobFailedError, match=r"21 of 200 rows are dead letters.*mapper crashes: SIGSEGV"):
        run(config, lambda row: row % 2 == 1)


def test_a_worker_tells_what_happens_in_the_order_in_which_it_does(config: JobConfig) -> None:
    backend, _ = run(config, lambda _row: False)
    key: TaskKey = backend.attempts[0].key
    reported = [message for message in backend.reported if message.task == key]
    assert [type(message).__name__ for message in reported] == [
        "AttemptStarted",
        "OperatorDone",
        *["OperatorStarted", "OperatorDone"] * 2,
        "OperatorStarted",
        "OperatorDone",
        "Staged",
        "Staged",
        "AttemptDone",
    ]
    assert [message.manifest.kind for message in reported if isinstance(message, m.Staged)] == [
        "checkpoint",
        "result",
    ]


class Killed(BaseException):
    """The process is gone."""


class KilledBehindTheResolve(Observer):
    def event_recorded(self, record: t.Record) -> None:
        if (
            isinstance(record.event, t.OpStart)
            and record.event.operation_idx == SUSPECT + 1
            and self.is_decided
        ):
            raise Killed
        self.is_decided |= isinstance(record.event, t.InfoNotice) and "compared" in record.event.message

    is_decided = False


def test_decisions_made_without_a_lost_row_are_applied_without_it_after_a_damaged_checkpoint(
    tmp_path: Path,
) -> None:
    """The row would come through now: nothing in the input says that it must not."""
    config = a_job(tmp_path, "every_op", [*PROCESS[:2], "document_deduplicator", PROCESS[2]])
    store, clock = jobs.memory_with_input(config), ManualClock()
    environment = RunEnvironment(
        store=store,
        clock=clock,
        backend=CrashingBackend(store, clock, lambda row: row == 7),
        control=RunControl(observers=(KilledBehindTheResolve(),)),
        advisory=MemoryLock(set()),
    )
    with pytest.raises(Killed):
        run_job(config, environment)
    directory = jobs.layout_of(config).checkpoints_dir
    for name in store.list(directory):
        if name.startswith("partition_") and "summary" not in name:
            store.write(f"{directory}/{name}", b"damaged")
    watch = jobs.Watch()
    jobs.run_inline(config, store, watch)
    assert watch.warnings
    texts = [line for line in jobs.exported(config, store)["result.jsonl"].splitlines() if b'row 7"' in line]
    assert texts == []
    assert [dead_letter[0] for dead_letter in jobs.dead_letters(config, store)] == [PROCESS[SUSPECT]] * 2
