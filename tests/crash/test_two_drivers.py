"""Two or three drivers that take turns at every operation of the store: whatever the order, the result is right.

A driver that was taken for dead goes on working until it looks at the lock, and may freeze for any time between that look
and what it does next. `TURNS_SEED=n TURNS_RUNS=m` plays other histories; a failure names its seed.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from data_juicer.backends.inline import InlineBackend
from data_juicer.config.schema import JobConfig
from data_juicer.engine.lifecycle.environment import JobOutcome, RunEnvironment
from data_juicer.engine.run_context import RunControl
from data_juicer.engine.run_job import run_job
from data_juicer.errors import DataJuicerError, JobLockedError
from data_juicer.events import types as t
from data_juicer.job import summary as summaries
from data_juicer.job.summary import JobStatus
from data_juicer.storage.memory import Loss, MemoryLock, MemoryStore
from data_juicer.store.commit import read_manifest
from data_juicer.testing import jobs
from data_juicer.testing.clock import ManualClock
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss
from tests.support.crash_recipes import PROCESS, ROWS, lines, small_job
from tests.support.turns import Ended, Turns, TurnStore

SEED = int(os.environ.get("TURNS_SEED", "20261126"))
RUNS = int(os.environ.get("TURNS_RUNS", "0"))
EXACT: dict[str, Any] = {"document_deduplicator": {"lowercase": True}}
RECIPES: list[list[Any]] = [
    PROCESS,
    [*PROCESS[:3], {"text_length_filter": {"min_len": 20}}],
    [PROCESS[0], EXACT, *PROCESS[1:]],
    ["clean_links_mapper", EXACT],
]
SETTINGS: list[dict[str, Any]] = [
    {"checkpoint.strategy": "every_op"},
    {"checkpoint.strategy": "every_op", "intermediate_storage.retention_policy": "keep_all"},
    {"checkpoint.strategy": "every_op", "intermediate_storage.retention_policy": "cleanup_all"},
    {"intermediate_storage.retention_policy": "keep_failed_only"},
    {"checkpoint.strategy": "disabled"},
    {},
    {"export_shard_size": 60},
]


@dataclass
class History:
    """What one seed makes of a job."""

    seed: int
    source: Path
    store: MemoryStore = field(default_factory=MemoryStore)
    configs: dict[str, JobConfig] = field(default_factory=dict)
    ended: dict[str, Ended] = field(default_factory=dict)
    litter: set[str] = field(default_factory=set)
    """What a run that was killed left; it stays where the job turns out to be complete."""
    damaged: dict[str, bytes] = field(default_factory=dict)
    """What was damaged before, which stays so where nobody needs it."""

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.turns = Turns(self.rng)
        self.process, self.settings = self.rng.choice(RECIPES), self.rng.choice(SETTINGS)

    def config(self) -> JobConfig:
        """The same recipe for most drivers, another one for some."""
        if self.rng.random() < 0.25:
            return small_job([self.source], self.rng.choice(RECIPES), **self.rng.choice(SETTINGS))
        return small_job([self.source], self.process, **self.settings)

    # ---- what happens

    def play(self) -> None:
        self._before()
        self.litter = {path for path in self.store.contents() if path.endswith(".aside")}
        names = ["A", "B", "C"][: self.rng.choice([2, 2, 3])]
        self.configs = {name: self.config() for name in names}
        jobs.copy_input(self.configs["A"], self.store)
        span = len(self._undisturbed(self.configs["A"])[1])
        starts = {name: self.rng.randrange(span) for name in names[1:]}
        self.ended = self.turns.run({name: self._driver(name) for name in names}, starts)

    def _before(self) -> None:
        """An earlier run that was killed, or that ended and whose files are damaged; often none."""
        kind = self.rng.choice(["none", "none", "killed", "damaged"])
        config = self.config()
        if kind == "killed":
            at = self.rng.randrange(1, len(self._undisturbed(config)[1]))
            with pytest.raises(PowerLoss):
                jobs.run_inline(config, CrashingStore(self.store, at))
            self.store = self.store.after_power_loss(Loss.NOTHING)
        elif kind == "damaged":
            jobs.run_inline(config, self.store)
            paths = [p for p in self.store.contents() if "/results/" in p or "/checkpoints/" in p]
            for path in self.rng.sample(sorted(paths), min(3, len(paths))):
                self.damaged[path] = self.store.read(path)[:-1] + b"?"
                self.store.write(path, self.damaged[path])

    def _driver(self, name: str) -> Callable[[], JobOutcome]:
        store, clock = TurnStore(self.store, self.turns, name), ManualClock()
        stop_after = self.rng.randrange(60) if self.rng.random() < 0.2 and name == "A" else None
        asked = 0

        def stop() -> int | None:
            nonlocal asked
            asked += 1
            return signal.SIGTERM if stop_after is not None and asked > stop_after else None

        environment = RunEnvironment(
            store=store,
            clock=clock,
            backend=InlineBackend(store, clock),
            control=RunControl(stop_signal=stop),
            advisory=MemoryLock(set()),  # each on a machine of its own
        )
        return lambda: run_job(self.configs[name], environment)

    # ---- what came of it

    def check(self) -> None:
        for name, end in self.ended.items():
            assert end.error is None or isinstance(end.error, DataJuicerError), (name, end.error)
        owner = self._last_owner()
        assert owner is not None, self.ended
        end = self.ended[owner]
        assert end.error is None or (owner == "A" and "SIGTERM" in str(end.error)), end.error
        config = self.configs[owner]
        if end.error is None:
            self._check_result(config, "as the last driver left it")
        jobs.run_inline(config, self.store)
        self._check_result(config, "after a resume")
        self._check_events(config)
        assert jobs.run_inline(config, self.store).already_complete

    def _last_owner(self) -> str | None:
        """The driver of the newest run; None where nobody was given the job."""
        runs: dict[int, str] = {}
        for name, end in self.ended.items():
            if end.result is not None:
                runs[0 if end.result.already_complete else end.result.summary.runs[-1].number] = name
            elif not isinstance(end.error, JobLockedError):
                runs[1000] = name
        return runs[max(runs)] if runs else None

    def _check_result(self, config: JobConfig, when: str) -> None:
        expected, _ = self._undisturbed(config)
        layout = jobs.layout_of(config)
        assert jobs.exported(config, self.store) == jobs.exported(config, expected), f"the export {when}"
        assert jobs.ledgers(config, self.store) == jobs.ledgers(config, expected), f"the ledger {when}"
        assert jobs.dead_letters(config, self.store) == jobs.dead_letters(config, expected), when
        summary = summaries.load(self.store, layout)
        assert summary.status is JobStatus.COMPLETED, f"{summary.status} {when}"
        made_again = any(
            "made again" in reported or "set aside" in reported for reported in self._warnings(config)
        )
        if not made_again:  # the folded events count such a partition twice so far
            assert summary.counts == summaries.load(expected, layout).counts, f"the counts {when}"
        for path in self.store.contents():
            assert path in self.litter or not path.endswith(".aside"), f"{path} was left {when}"
            if path.endswith(".json") and path.startswith((layout.checkpoints_dir, layout.results_dir)):
                self._check_manifest(path, when)

    def _check_manifest(self, path: str, when: str) -> None:
        folder, name = os.path.split(path)
        if self.store.read(path) == self.damaged.get(path):
            return
        if "set_aside" in folder or not name.startswith(("partition_", "checkpoint_", "summary_")):
            return
        for file in read_manifest(self.store, path).files:
            assert self.store.exists(f"{folder}/{file.name}"), (
                f"{path} names {file.name}, which is gone, {when}"
            )

    def _warnings(self, config: JobConfig) -> list[str]:
        events = [record.event for record in jobs.logged(config, self.store)]
        return [event.message for event in events if isinstance(event, t.WarningNotice)]

    def _check_events(self, config: JobConfig) -> None:
        numbers = [record.seq for record in jobs.logged(config, self.store)]
        assert numbers == list(range(1, len(numbers) + 1)), f"the log has gaps or doubles: {numbers}"

    def _undisturbed(self, config: JobConfig) -> tuple[MemoryStore, list[tuple[str, str]]]:
        """A job that nothing happens to: its disk, and the changes of it."""
        store = MemoryStore()
        counted = CrashingStore(store, None)
        jobs.run_inline(config, counted)
        return store, counted.deeds


def play(tmp_path: Path, first: int, count: int) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(lines(ROWS))
    print(f"TURNS_SEED={first}, {count} histories")
    for seed in range(first, first + count):
        history = History(seed, source)
        history.play()
        try:
            history.check()
        except Exception as error:
            ends = {name: repr(end.error or end.result.summary.status) for name, end in history.ended.items()}
            error.add_note(f"TURNS_SEED={seed} TURNS_RUNS=1: {ends}")
            raise


def test_drivers_that_take_turns_never_spoil_each_others_work(tmp_path: Path) -> None:
    play(tmp_path, SEED, RUNS or 40)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_thousand_histories_of_drivers_that_take_turns(tmp_path: Path) -> None:
    play(tmp_path, SEED + 1000, 2000)
