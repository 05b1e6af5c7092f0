"""A job whose power fails at the k-th change of the disk, and what the next run must find and do."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from data_juicer.config.schema import JobConfig
from data_juicer.engine.lifecycle.environment import JobOutcome
from data_juicer.events import types as t
from data_juicer.job.layout import JobLayout
from data_juicer.storage.base import Store
from data_juicer.storage.memory import Loss, MemoryStore
from data_juicer.store.ledger import OperatorLedger
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss
from data_juicer.testing.jobs import Watch

Forgets = Callable[[str, str, str], bool]
LOSSES = list(Loss)
SYNCED = (t.JobStart, t.ProcessingStart, t.ProcessingComplete, t.JobComplete)


def nothing_forgotten(deed: str, path: str, before: str) -> bool:
    return False


class _PoweredWatch(Watch):
    """Hears what is reported until the power fails."""

    def __init__(self, store: CrashingStore) -> None:
        super().__init__()
        self._store = store

    def event_recorded(self, record: t.Record) -> None:
        if not self._store.is_off:
            super().event_recorded(record)


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """What the job comes to when nothing happens."""

    export: dict[str, bytes]
    ledgers: list[tuple[OperatorLedger, ...]]
    dead: list[tuple[str, int, str | None]]
    deeds: list[tuple[str, str]]

    @property
    def changes(self) -> int:
        return len(self.deeds)

    def first_forgotten(self, forgets: Forgets) -> int:
        """The number of the first sync that is left out; 1 if none is. Before it nothing differs."""
        reported = [" ".join(deed) for deed in self.deeds]
        pairs = enumerate(zip(self.deeds, ["", *reported], strict=False), 1)
        return next((at for at, ((deed, path), before) in pairs if forgets(deed, path, before)), 1)


@dataclass(frozen=True, slots=True)
class Crash:
    """The first run: its events before the power failed, and the disk it wrote to."""

    config: JobConfig
    disk: MemoryStore
    watch: Watch
    crash_at: int
    finished: bool

    @property
    def layout(self) -> JobLayout:
        return jobs.layout_of(self.config)

    def committed(self) -> set[tuple[int, int]]:
        """Partition and operator of all work that counted: never to be done again."""
        operators = len(self.config.process)
        done = {(event.partition_id, operators - 1) for event in self.watch.events(t.PartitionComplete)}
        saved = {
            (event.partition_id, event.operation_idx)
            for event in self.watch.events(t.CheckpointSave)
            if not event.data.is_summary
        }
        return {(partition, index) for partition, last in done | saved for index in range(last + 1)}

    def summarised(self) -> set[tuple[int, int]]:
        """Partition and dataset operator of all summaries that counted."""
        saved = self.watch.events(t.CheckpointSave)
        return {(event.partition_id, event.operation_idx) for event in saved if event.data.is_summary}


def undisturbed(config: JobConfig) -> Undisturbed:
    store = CrashingStore(MemoryStore(), None)
    watch = Watch()
    jobs.run_inline(config, store, watch)
    assert watch.warnings == []
    return Undisturbed(
        jobs.exported(config, store),
        jobs.ledgers(config, store),
        jobs.dead_letters(config, store),
        store.deeds,
    )


def visit(
    config: JobConfig,
    losses: Sequence[Loss],
    *,
    stride: int = 1,
    forgets: Forgets = nothing_forgotten,
) -> int:
    """Crash at every `stride`-th change and once after the last, each with every loss in turn if `stride` is 1.

    Returns: crash points visited.
    Raises: AssertionError: a resumed job differs from the undisturbed one, or did committed work again.
    """
    expected = undisturbed(config)
    first = expected.first_forgotten(forgets)
    points = [*range(first, expected.changes + 1, stride), expected.changes + 1]
    for number, crash_at in enumerate(points):
        crash = _crash(config, crash_at, forgets)
        assert crash.finished == (crash_at > expected.changes)
        for loss in losses if stride == 1 or crash.finished else [losses[number % len(losses)]]:
            with _reported(crash_at, loss):
                _check_resume(crash, loss, expected)
    return len(points)


def _crash(config: JobConfig, crash_at: int, forgets: Forgets) -> Crash:
    inner = MemoryStore()
    store = CrashingStore(inner, crash_at, forgets)
    watch = _PoweredWatch(store)
    try:
        jobs.run_inline(config, store, watch)
    except PowerLoss:
        return Crash(config, inner, watch, crash_at, finished=False)
    return Crash(config, inner, watch, crash_at, finished=True)


def _check_resume(crash: Crash, loss: Loss, expected: Undisturbed) -> None:
    config = crash.config
    store = CrashingStore(crash.disk.after_power_loss(loss), None)
    _check_log_survived(crash, store)
    if crash.finished:
        assert _report(config, store) == expected.ledgers, "the report of a finished job did not survive"
    watch = Watch()
    result = jobs.run_inline(config, store, watch)
    assert jobs.exported(config, store) == expected.export, "the export differs"
    assert _report(config, store) == expected.ledgers, "the ledgers differ"
    assert jobs.dead_letters(config, store) == expected.dead, "the dead letters differ"
    assert [each for each in watch.warnings if "events.jsonl" not in each] == [], "damage was found"
    assert crash.committed().isdisjoint(watch.started), "committed work was done again"
    begun = Counter(watch.started)
    assert all(begun[each] <= 1 for each in crash.summarised()), (
        "a summary was made again"
    )  # it is applied once
    assert result.already_complete == crash.finished or _is_just_complete(crash, result), "done again"
    if crash.watch.records and not result.already_complete:
        assert result.summary.runs[-1].number == 2, "the number of the first run was used again"
        assert [run.number for run in result.summary.runs] == [1, 2], "the summary forgot the first run"
    if crash.watch.events(t.ProcessingStart):
        copied = [path for _, path in store.deeds if path.startswith(crash.layout.partitions_dir + os.sep)]
        assert copied == [], "the input was unpacked again"
    numbers = [record.seq for record in jobs.logged(config, store)]
    assert numbers == list(range(1, len(numbers) + 1)), "the log has gaps"


def _report(config: JobConfig, store: Store) -> list[tuple[OperatorLedger, ...]] | None:
    try:
        return jobs.ledgers(config, store)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _is_just_complete(crash: Crash, result: JobOutcome) -> bool:
    """The power failed when all was done but the lock was not free yet."""
    return result.already_complete and bool(crash.watch.events(t.JobComplete))


def _check_log_survived(crash: Crash, store: Store) -> None:
    """An event that is synced is there once another one follows it, or its run has ended."""
    reported = crash.watch.records if crash.finished else crash.watch.records[:-1]
    durable = [record.seq for record in reported if isinstance(record.event, SYNCED)]
    assert set(durable) <= {record.seq for record in jobs.logged(crash.config, store)}, (
        "synced events are gone"
    )


class _reported:  # noqa: N801 - used as a statement
    """Names the crash in whatever fails inside."""

    def __init__(self, crash_at: int, loss: Loss) -> None:
        self.where = f"crash_at={crash_at}, {loss.name}: {loss.value}"

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            error.add_note(self.where)
