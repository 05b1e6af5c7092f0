"""Whole jobs on a machine that exists in a test only: a disk in memory, a clock moved by hand, workers inline."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from data_juicer.backends.inline import InlineBackend
from data_juicer.config.config import load_recipe
from data_juicer.config.schema import JobConfig
from data_juicer.engine.lifecycle.environment import JobOutcome, RunEnvironment
from data_juicer.engine.output.mapping_report import MappingReport
from data_juicer.engine.run_context import Observer, RunControl, WatchedJob
from data_juicer.engine.run_job import run_job
from data_juicer.events import types as t
from data_juicer.events.history import read_records
from data_juicer.events.view import JobView
from data_juicer.job import summary as summaries
from data_juicer.job.layout import JobLayout
from data_juicer.job.summary import JobCounts
from data_juicer.storage.base import Store
from data_juicer.storage.memory import MemoryLock, MemoryStore
from data_juicer.storage.posix import PosixStore
from data_juicer.store.export.results_manifest import find_results
from data_juicer.store.ledger import OperatorLedger
from data_juicer.testing.clock import ManualClock
from data_juicer.testing.crashing_store import CrashingStore

JOB_ID = "job"


def recipe(
    work_dir: str, dataset: Sequence[str], process: Sequence[Any], settings: Mapping[str, Any] | None = None
) -> JobConfig:
    """A job named JOB_ID that exports to `result.jsonl` in `work_dir`; `settings` win, in dotted form."""
    given = {
        "dataset_path": list(dataset),
        "export_path": os.path.join(work_dir, "result.jsonl"),
        "work_dir": work_dir,
        "job_id": JOB_ID,
        "process": list(process),
        "executor_type": "inline",
    }
    return load_recipe(given, settings or {}, {})


@dataclass
class Watch(Observer):
    """The events of one run while it lived, whether or not its log survived."""

    records: list[t.Record] = field(default_factory=list)
    view: JobView = field(default_factory=JobView)

    def job_opened(self, job: WatchedJob) -> None:
        self.view = job.view

    def event_recorded(self, record: t.Record) -> None:
        self.records.append(record)

    def events(self, *kinds: type[t.AnyEvent]) -> list[Any]:
        return [record.event for record in self.records if isinstance(record.event, kinds)]

    @property
    def started(self) -> list[tuple[int, int]]:
        """Partition and operator of each OP_START, in order."""
        return [(event.partition_id, event.operation_idx) for event in self.events(t.OpStart)]

    @property
    def warnings(self) -> list[str]:
        return [event.message for event in self.events(t.WarningNotice)]


def copy_input(config: JobConfig, store: Store) -> None:
    """Put the files that a recipe reads into a store in memory, durably, as they are on this machine."""
    disk = store.inner if isinstance(store, CrashingStore) else store
    if not isinstance(disk, MemoryStore):
        return
    for given in config.sources():
        for path in filter(
            os.path.isfile, [given, *glob.glob(f"{given}/**", recursive=True), *glob.glob(given)]
        ):
            data = PosixStore().read(path)
            if not disk.exists(path) or disk.read(path) != data:
                disk.make_dirs(os.path.dirname(path))
                disk.stage(path, data)


def memory_with_input(config: JobConfig) -> MemoryStore:
    """A store that holds the files that a recipe reads, and no more."""
    store = MemoryStore()
    copy_input(config, store)
    return store


def run_inline(config: JobConfig, store: Store, watch: Watch | None = None) -> JobOutcome:
    """One run of a job by a driver that is alone on its machine, over the input as this machine has it."""
    copy_input(config, store)
    clock = ManualClock()
    environment = RunEnvironment(
        store=store,
        clock=clock,
        backend=InlineBackend(store, clock),
        control=RunControl(observers=(watch,) if watch else ()),
        advisory=MemoryLock(set()),
    )
    return run_job(config, environment)


def layout_of(config: JobConfig) -> JobLayout:
    return JobLayout.of(config.work_dir, JOB_ID, config.event_log_dir, config.checkpoint_dir)


def exported(config: JobConfig, store: Store) -> dict[str, bytes]:
    """Name -> bytes of every file of the export."""
    results = find_results(store, layout_of(config).results_manifest)
    return (
        {}
        if results is None
        else {os.path.basename(file.path): store.read(file.path) for file in results.exports}
    )


def ledgers(config: JobConfig, store: Store) -> list[tuple[OperatorLedger, ...]]:
    """The ledger of the job, then of each partition in the order of the input, without durations."""
    report = msgspec.json.decode(store.read(layout_of(config).final_mapping_report), type=MappingReport)
    return [_timeless(report.ledgers), *(_timeless(partition.ledgers) for partition in report.partitions)]


def counts(config: JobConfig, store: Store) -> JobCounts:
    """What the summary of the job says is committed."""
    return summaries.load(store, layout_of(config)).counts


def dead_letters(config: JobConfig, store: Store) -> list[tuple[str, int, str | None]]:
    """Operator, line and row of each dead letter that is shown to people."""
    layout = layout_of(config)
    shown = [name for name in store.list(layout.dead_letter_dir) if name.count(".") == 1]
    lines = [
        line for name in shown for line in store.read(os.path.join(layout.dead_letter_dir, name)).splitlines()
    ]
    dead_letters = [msgspec.json.decode(line) for line in lines]
    return [
        (dead_letter["operator"], dead_letter["line"], dead_letter.get("row")) for dead_letter in dead_letters
    ]


def logged(config: JobConfig, store: Store) -> list[t.Record]:
    """Every event that the log on disk holds."""
    return list(read_records(store, layout_of(config)))


def _timeless(rows: Sequence[OperatorLedger]) -> tuple[OperatorLedger, ...]:
    return tuple(msgspec.structs.replace(ledger, duration_s=0.0) for ledger in rows)
