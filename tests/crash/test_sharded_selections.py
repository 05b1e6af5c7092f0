"""Selectors and groupers in shards do what they do in one piece, whatever the number of shards is, and whatever happens."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.engine.driver.committer import Committer
from data_juicer.errors import OperatorError
from data_juicer.storage.memory import Loss, MemoryStore
from data_juicer.store.resolve.shards import ShardManifest
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss
from tests.support.crash_recipes import lines, small_job
from tests.support.in_shards import sharded
from tests.support.power_loss import visit
from tests.support.shard_commits import find_shard_commits, record_shard_commits

LARGEST: Any = {"topk_specified_field_selector": {"field_key": "n", "topk": 61}}
SMALLEST: Any = {"topk_specified_field_selector": {"field_key": "n", "top_ratio": 0.4, "reverse": False}}
RANGE: Any = {"range_specified_field_selector": {"field_key": "n", "lower_rank": 7, "upper_percentile": 0.8}}
RANDOM: Any = {"random_selector": {"select_ratio": 0.3}}
FREQUENT: Any = {"frequency_specified_field_selector": {"field_key": "tag", "topk": 9}}
RARE: Any = {"frequency_specified_field_selector": {"field_key": "tag", "top_ratio": 0.6, "reverse": False}}
EVERY: Any = {"topk_specified_field_selector": {"field_key": "n", "topk": 10_000}}
NONE: Any = {"frequency_specified_field_selector": {"field_key": "tag", "topk": 0}}
NO_FIELD: Any = {"frequency_specified_field_selector": {}}
BY_KEY: Any = {"key_value_grouper": {"group_by_keys": ["tag"]}}
ALONE: Any = {"key_value_grouper": {"group_by_keys": ["id"]}}
ONE: Any = "naive_grouper"
OPERATORS = {
    "largest": LARGEST,
    "smallest": SMALLEST,
    "range": RANGE,
    "random": RANDOM,
    "frequent": FREQUENT,
    "rare": RARE,
    "every": EVERY,
    "none": NONE,
    "no field": NO_FIELD,
    "groups": BY_KEY,
    "alone": ALONE,
    "one group": ONE,
}


def rows(count: int) -> list[bytes]:
    """Numbers and values of which many are equal; some rows have none, and rows differ in size."""
    made: list[dict[str, Any]] = [
        {
            "text": "word " * (1 + number % 13),
            "id": number,
            "n": (number * 37) % 23,
            "same": 1,
            "tag": (number * number) % 41,
        }
        for number in range(count)
    ]
    for number in range(5, count, 17):
        del made[number]["n"]
    for number in range(3, count, 19):
        made[number]["tag"] = None
    return [json.dumps(row).encode() for row in made]


@pytest.fixture
def in_shards(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    return sharded(monkeypatch)


def run(config: JobConfig) -> tuple[dict[str, bytes], MemoryStore]:
    store = MemoryStore()
    jobs.run_inline(config, store)
    return jobs.exported(config, store), store


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)
def test_neither_the_number_of_shards_nor_memory_changes_a_byte(
    tmp_path: Path, operator: Any, in_shards: Callable[[int, int], None]
) -> None:
    (tmp_path / "in.jsonl").write_bytes(lines(rows(200)))
    config = small_job([tmp_path / "in.jsonl"], [operator], **{"partition.size": 30})
    expected, whole = run(config)
    for shards, group_rows in ((1, 1_000_000), (7, 50), (64, 1)):
        in_shards(shards, group_rows)
        found, store = run(config)
        assert found == expected, shards
        assert jobs.ledgers(config, store) == jobs.ledgers(config, whole)
        layout = jobs.layout_of(config)
        assert store.list(layout.shards_dir) == []
        in_groups = [name for name in store.list(layout.checkpoints_dir) if ".g0" in name]
        assert len(in_groups) == ({1: 1, 7: 7, 64: 7}[shards] if operator is not NO_FIELD else 0)
        report = layout.group_report
        assert store.exists(report) is whole.exists(report)
        assert not store.exists(report) or store.read(report) == whole.read(report)


def test_a_field_that_no_row_has_is_named_in_shards_too(
    tmp_path: Path, in_shards: Callable[[int, int], None]
) -> None:
    (tmp_path / "in.jsonl").write_bytes(lines(rows(10)))
    in_shards(3, 3)
    for name in ("topk_specified_field_selector", "frequency_specified_field_selector"):
        with pytest.raises(OperatorError, match="no row has a value to select by in the field 'm'"):
            run(small_job([tmp_path / "in.jsonl"], [{name: {"field_key": "m", "topk": 1}}]))


def small(folder: Path, operators: list[Any]) -> JobConfig:
    (folder / "in.jsonl").write_bytes(lines(rows(9)))
    return small_job([folder / "in.jsonl"], operators)


FEW = [
    {"topk_specified_field_selector": {"field_key": "same", "topk": 7}},
    {"frequency_specified_field_selector": {"field_key": "tag", "topk": 4}},
    {"key_value_grouper": {"group_by_keys": ["tag"]}},
]
STEPS = (
    {"rank": 3 * 5, "decide": 3},
    {"count": 3, "rank": 3 * 2, "choose": 3, "decide": 3},
    {"meet": 3, "arrange": 3, "decide": 3},
)
"""Shards of each step: of ranks, as many rounds as digits were needed."""


def test_a_power_failure_at_some_changes_of_the_disk(
    tmp_path: Path, in_shards: Callable[[int, int], None]
) -> None:
    in_shards(3, 3)
    print("crash points:", visit(small(tmp_path, FEW), list(Loss), stride=97))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", range(len(FEW)))
def test_a_power_failure_at_every_change_of_the_disk(
    tmp_path: Path, number: int, in_shards: Callable[[int, int], None]
) -> None:
    in_shards(3, 3)
    print("crash points:", visit(small(tmp_path, [FEW[number]]), list(Loss)))


@pytest.mark.parametrize("number", range(len(FEW)))
def test_a_killed_run_costs_the_shards_in_flight(
    tmp_path: Path, number: int, in_shards: Callable[[int, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_shards(3, 3)
    config = small(tmp_path, [FEW[number]])
    store = CrashingStore(jobs.memory_with_input(config), None)
    jobs.run_inline(config, store)
    expected = jobs.exported(config, store)
    commits = find_shard_commits(store)
    names = [store.deeds[place - 1][1].rpartition("/")[2] for place in commits]
    assert Counter(name.split("_")[2] for name in names) == STEPS[number]
    made = record_shard_commits(monkeypatch)
    for place in commits[::4]:
        disk = jobs.memory_with_input(config)
        with pytest.raises(PowerLoss):
            jobs.run_inline(config, CrashingStore(disk, place + 2))
        left = disk.after_power_loss(Loss.EVERYTHING)
        there = {name for name in left.list(jobs.layout_of(config).shards_dir) if name.endswith(".json")}
        made[:] = []
        jobs.run_inline(config, left)
        assert jobs.exported(config, left) == expected
        assert not there & set(made)
        assert len(made) + len(there) == len(commits)


@pytest.mark.parametrize(
    ("number", "what"), [(0, "rank"), (1, "count"), (1, "choose"), (2, "meet"), (2, "arrange")]
)
def test_a_shard_that_is_damaged_before_it_is_used_is_made_again(
    tmp_path: Path,
    number: int,
    what: str,
    in_shards: Callable[[int, int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = small(tmp_path, [FEW[number]])
    expected, _ = run(config)
    in_shards(3, 3)
    store, commit = MemoryStore(), Committer.commit_shard
    rotten: list[str] = []

    def rots(self: Committer, path: str, manifest: ShardManifest) -> None:
        commit(self, path, manifest)
        if manifest.step == what and manifest.size_bytes and not rotten:
            rotten.append(f"{jobs.layout_of(config).shards_dir}/{manifest.file}")
            data = store.read(rotten[0])
            store.put(rotten[0], bytes([data[0] ^ 0xFF]) + data[1:])

    monkeypatch.setattr(Committer, "commit_shard", rots)
    jobs.run_inline(config, store)
    assert rotten
    assert jobs.exported(config, store) == expected
