"""A recipe with dataset operators: first, in the middle and last, whatever happens and however rows are cut."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.backends.local.backend import LocalBackend
from data_juicer.clock import SystemClock
from data_juicer.config.schema import JobConfig
from data_juicer.engine.lifecycle.environment import RunEnvironment
from data_juicer.engine.run_job import run_job
from data_juicer.errors import DataJuicerError
from data_juicer.events import types as t
from data_juicer.storage.base import Store
from data_juicer.storage.memory import Loss, MemoryStore
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs
from data_juicer.testing.jobs import Watch
from tests.support.crash_recipes import CUSTOM, lines, small_job
from tests.support.power_loss import visit
from tests.support.rerun_job import RerunJob, every

EXACT: dict[str, Any] = {"document_deduplicator": {"lowercase": True}}
LETTERS: dict[str, Any] = {"document_deduplicator": {"ignore_non_character": True}}
GROUPS: dict[str, Any] = {"key_value_grouper": {"group_by_keys": ["n"]}}
LENGTH: dict[str, Any] = {"text_length_filter": {"min_len": 4}}
WITH_POISON, GATHERING = "first and in the middle", "rows go together and apart"
RECIPES: dict[str, list[Any]] = {
    WITH_POISON: [EXACT, "clean_links_mapper", "poisoned_mapper", LETTERS, LENGTH],
    "two in a row, at the end": ["clean_links_mapper", EXACT, LETTERS],
    GATHERING: [LENGTH, GROUPS, "naive_reverse_grouper", LETTERS],
}
ROWS = [
    b'{"text":"see http://a.example/x for  more","n":1.0}',
    b'{"text":"Plain words only"}',
    b"{not json",
    b'{"text":"plain words only","big":1180591620717411303424}',
    b'{"text":"a poison row","n":3}',
    b'{"text":"see for more"}',
    b'{"text":"plain, words, only","n":[1,2]}',
    b'{"text":"a row of its own"}',
    b'{"text":"A row of its own"}',
    b'{"text":"a row: of its own"}',
]
SETTINGS: dict[str, dict[str, Any]] = {
    "every_op": {},
    "disabled": {"checkpoint.strategy": "disabled"},
    "cleanup_all": {"intermediate_storage.retention_policy": "cleanup_all"},
    "keep_failed_only": {"intermediate_storage.retention_policy": "keep_failed_only"},
}


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., JobConfig]:
    def make(process: Sequence[Any], **settings: Any) -> JobConfig:
        path = tmp_path / "in.jsonl"
        path.write_bytes(lines(ROWS))
        return small_job([path], process, **settings)

    return make


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("process", RECIPES.values(), ids=RECIPES)
def test_a_power_failure_at_some_changes_of_the_disk(
    make_config: Callable[..., JobConfig], process: list[Any], settings: dict[str, Any]
) -> None:
    print("crash points:", visit(make_config(process, **settings), list(Loss), stride=37))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("process", RECIPES.values(), ids=RECIPES)
def test_a_power_failure_at_every_change_of_the_disk(
    make_config: Callable[..., JobConfig], process: list[Any], settings: dict[str, Any]
) -> None:
    print("crash points:", visit(make_config(process, **settings), list(Loss)))


# what: (the sync that is left out, the change right before it)
SYNCS: dict[str, tuple[str, str]] = {
    "summary data": (r"sync .*\.summary\.arrow", ".*"),
    "summary manifest": (r"sync .*/summary_\d+_\d+\.json\..*", ".*"),
    "summary manifest, name": (r"sync_dir .*/checkpoints", r"remove .*/summary_.*\.aside"),
    "decisions": (r"sync .*\.decisions", ".*"),
    "decisions, name": (r"sync_dir .*/checkpoints", r"sync .*\.decisions"),
    "resolve manifest": (r"sync .*/resolve_\d+\.json\..*", ".*"),
}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("what", SYNCS)
def test_a_sync_that_is_left_out_is_noticed(make_config: Callable[..., JobConfig], what: str) -> None:
    left_out, after = SYNCS[what]
    seen: list[str] = []

    def forgets(deed: str, path: str, before: str) -> bool:
        is_it = bool(re.fullmatch(left_out, f"{deed} {path}") and re.fullmatch(after, before))
        if is_it:
            seen.append(path)
        return is_it

    with pytest.raises((AssertionError, DataJuicerError)) as noticed:
        visit(make_config(RECIPES["two in a row, at the end"]), list(Loss), forgets=forgets)
    assert seen, "there is no such sync"
    print(f"{what:30} noticed: {str(noticed.value).splitlines()[0]}")


# ---- however rows are cut


def many_rows(count: int) -> list[bytes]:
    return [
        b'{"text":"row %d, of http://x.example/%d","n":%d}' % (n * n % 251, n % 2, n)
        if n % 3
        else b'{"text":"ROW %d of"}' % (n % 101)
        for n in range(count)
    ]


@pytest.mark.parametrize("process", RECIPES.values(), ids=RECIPES)
def test_partition_sizes_change_no_byte(tmp_path: Path, process: list[Any]) -> None:
    (tmp_path / "in.jsonl").write_bytes(lines(many_rows(1200)))
    found = set()
    for size in (50, 200, 1000):
        config = small_job([tmp_path / "in.jsonl"], process, **{"partition.size": size})
        store = MemoryStore()
        jobs.run_inline(config, store)
        found.add(jobs.exported(config, store)["result.jsonl"])
    assert len(found) == 1


@pytest.mark.parametrize("process", [RECIPES[WITH_POISON], RECIPES[GATHERING]], ids=[WITH_POISON, GATHERING])
@pytest.mark.parametrize("workers", [1, 2])
def test_processes_give_the_bytes_of_one(tmp_path: Path, workers: int, process: list[Any]) -> None:
    (tmp_path / "in.jsonl").write_bytes(lines(many_rows(600)))
    config = jobs.recipe(
        str(tmp_path / "work"),
        [str(tmp_path / "in.jsonl")],
        process,
        {"partition.size": 50, "custom_operator_paths": [CUSTOM]},
    )
    clock = SystemClock()
    backend = LocalBackend(workers, clock)
    run_job(config, RunEnvironment(store=PosixStore(), clock=clock, backend=backend))
    inline, store = small_job([tmp_path / "in.jsonl"], process, **{"partition.size": 500}), MemoryStore()
    jobs.run_inline(inline, store)
    assert jobs.exported(config, PosixStore()) == jobs.exported(inline, store)


# ---- whatever changes between two runs

LINKS, EMAILS = "clean_links_mapper", "clean_email_mapper"
PROCESS: list[Any] = [LINKS, EXACT, LENGTH, LETTERS, EMAILS]
UP_TO_FIRST, UP_TO_SECOND, TO_RESULT = [0, 1], [1, 2, 3], [3, 4]
"""What each phase begins: a dataset operator at its end makes summaries, at its start it is applied."""


@pytest.fixture
def job(tmp_path: Path) -> RerunJob:
    """Three partitions of three rows, all done."""
    (tmp_path / "in").mkdir()
    job = RerunJob(tmp_path / "in")
    job.write("m.jsonl", many_rows(9))
    ids = [0, 1, 2]
    assert job.run(PROCESS) == every(ids, UP_TO_FIRST) + every(ids, UP_TO_SECOND) + every(ids, TO_RESULT)
    return job


def test_nothing_changed(job: RerunJob) -> None:
    assert job.run(PROCESS) == []


def test_a_changed_parameter_of_a_dataset_operator_costs_its_summaries_and_what_follows(
    job: RerunJob,
) -> None:
    ids, changed = [0, 1, 2], {"document_deduplicator": {"lowercase": False}}
    begun = job.run([LINKS, changed, LENGTH, LETTERS, EMAILS])
    assert begun == every(ids, [1]) + every(ids, UP_TO_SECOND) + every(ids, TO_RESULT)


def test_a_changed_operator_before_the_first_dataset_operator_costs_everything(job: RerunJob) -> None:
    ids, changed = [0, 1, 2], {LINKS: {"repl": "<link>"}}
    begun = job.run([changed, *PROCESS[1:]])
    assert begun == every(ids, UP_TO_FIRST) + every(ids, UP_TO_SECOND) + every(ids, TO_RESULT)


def test_a_changed_operator_between_dataset_operators_costs_nothing_of_the_first(job: RerunJob) -> None:
    ids, changed = [0, 1, 2], {"text_length_filter": {"min_len": 5}}
    assert job.run([LINKS, EXACT, changed, LETTERS, EMAILS]) == every(ids, [2, 3]) + every(ids, TO_RESULT)


def test_a_changed_operator_after_the_last_dataset_operator_costs_itself(job: RerunJob) -> None:
    assert job.run([*PROCESS[:4], "clean_ip_mapper"]) == every([0, 1, 2], [4])


def test_appended_rows_cost_themselves_before_the_dataset_operator_and_all_after_it(job: RerunJob) -> None:
    job.write("m.jsonl", many_rows(12))
    ids = [0, 1, 2, 3]
    begun = job.run(PROCESS)
    assert begun == every([3], UP_TO_FIRST) + every(ids, UP_TO_SECOND) + every(ids, TO_RESULT)


def test_damaged_decisions_are_made_again_from_the_summaries(job: RerunJob) -> None:
    damage(job.store, "/disk/jobs/job/checkpoints/resolve_001.r1.decisions")
    job.store.remove("/disk/jobs/job/results/partition_000001.json")
    job.store.remove("/disk/jobs/job/results/results.json")
    config, watch = small_job([job.folder / "m.jsonl"], PROCESS), Watch()
    before = job.store.read("/disk/jobs/result.jsonl")
    jobs.run_inline(config, job.store, watch)
    assert job.store.read("/disk/jobs/result.jsonl") == before
    assert watch.started == []  # its newest checkpoint is after the last operator
    assert [reported for reported in watch.warnings if "resolve_001" in reported]


def test_a_damaged_summary_is_made_again_where_it_is_needed(job: RerunJob) -> None:
    damage(job.store, "/disk/jobs/job/checkpoints/partition_000001_001.r1a1.summary.arrow")
    job.write("m.jsonl", many_rows(12))
    config, watch = small_job([job.folder / "m.jsonl"], PROCESS), Watch()
    jobs.run_inline(config, job.store, watch)
    ids = [0, 1, 2, 3]
    phases = every([3], UP_TO_FIRST), every([1], [1]), every(ids, UP_TO_SECOND), every(ids, TO_RESULT)
    assert watch.started == [each for phase in phases for each in phase]
    assert len(watch.warnings) == 1


def damage(store: Store, path: str) -> None:
    data = bytearray(store.read(path))
    data[len(data) // 2] ^= 0xFF
    store.write(path, data)


# ---- what is reported


def test_rows_removed_are_counted_and_reported(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(lines(ROWS))
    config, store, watch = small_job([tmp_path / "in.jsonl"], [EXACT, LETTERS]), MemoryStore(), Watch()
    result = jobs.run_inline(config, store, watch)
    ledger = jobs.ledgers(config, store)[0]
    assert [each.rows_duplicate for each in ledger] == [0, 2, 1]
    assert (result.view.partitions_done, result.view.rows_done) == (4, 10)
    assert len(watch.events(t.PartitionComplete)) == 4
    report = pq.read_table(pa.BufferReader(store.read(jobs.layout_of(config).dedup_report)))
    assert list(
        zip(
            report["operator_index"].to_pylist(),
            report["row"].to_pylist(),
            report["kept_row"].to_pylist(),
            strict=True,
        )
    ) == [
        (0, 3, 1),
        (0, 8, 7),
        (1, 9, 7),
    ]
    assert set(report["similarity"].to_pylist()) == {1.0}
