"""A resolve in shards decides what one in one piece does, whatever the number of shards is, and whatever happens in between."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.errors import DataJuicerError
from data_juicer.storage.disk import DiskStore
from data_juicer.storage.memory import Loss, MemoryStore
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss
from tests.support.crash_recipes import lines, small_job
from tests.support.in_shards import sharded
from tests.support.power_loss import visit
from tests.support.shard_commits import find_shard_commits, record_shard_commits

EXACT: Any = {"document_deduplicator": {"lowercase": True}}
MINHASH: Any = {"document_minhash_deduplicator": {"window_size": 1, "num_permutations": 64}}
SIMHASH: Any = {"document_simhash_deduplicator": {"window_size": 1}}
UID: Any = {"document_minhash_deduplicator_with_uid": {"window_size": 1, "num_permutations": 64}}
LINES: Any = {"document_line_deduplicator": {"frequency_threshold": 3}}
OPERATORS = {"exact": EXACT, "minhash": MINHASH, "simhash": SIMHASH, "uid": UID}
WORDS = ("the", "a", "some", "row", "of", "many", "words", "that", "come", "again", "and", "more")


def rows(count: int) -> list[bytes]:
    """Texts of which many are equal and many nearly so, in chains."""
    texts = [
        " ".join(WORDS[(number * step + at) % (7 + number % 5)] for at in range(9))
        for number, step in ((number, 1 + number % 3) for number in range(count))
    ]
    return [
        b'{"text":"%s","__dj__uid":%d}' % (text.encode(), (number * 37) % count)
        for number, text in enumerate(texts)
    ]


@pytest.fixture
def in_shards(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    return sharded(monkeypatch)


def run(config: JobConfig) -> tuple[dict[str, bytes], pa.Table, MemoryStore]:
    store = MemoryStore()
    jobs.run_inline(config, store)
    report = pq.read_table(pa.BufferReader(store.read(jobs.layout_of(config).dedup_report)))
    return jobs.exported(config, store), report, store


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)
def test_neither_the_number_of_shards_nor_memory_changes_a_byte(
    tmp_path: Path, operator: Any, in_shards: Callable[[int, int], None]
) -> None:
    (tmp_path / "in.jsonl").write_bytes(lines(rows(220)))
    config = small_job([tmp_path / "in.jsonl"], [operator], **{"partition.size": 30})
    expected, report, _ = run(config)
    assert 0 < len(next(iter(expected.values())).splitlines()) < 200
    for shards, group_rows in ((1, 1_000_000), (7, 100), (64, 1)):
        in_shards(shards, group_rows)
        found, found_report, store = run(config)
        assert found == expected, shards
        assert found_report.equals(report), shards
        layout = jobs.layout_of(config)
        assert store.list(layout.shards_dir) == []
        decisions = [name for name in store.list(layout.checkpoints_dir) if ".decisions" in name]
        assert len(decisions) >= {1: 1, 7: 3, 64: 8}[shards]


def test_frequent_lines_are_those_of_one_piece(tmp_path: Path, in_shards: Callable[[int, int], None]) -> None:
    texts = [
        "\\n".join([f"line {number % 11}", f"a line {number % 40}", f"line of {number} alone"])
        for number in range(90)
    ]
    (tmp_path / "in.jsonl").write_bytes(lines([b'{"text":"%s"}' % text.encode() for text in texts]))
    config = small_job([tmp_path / "in.jsonl"], [LINES], **{"partition.size": 20})
    whole = MemoryStore()
    jobs.run_inline(config, whole)
    result = jobs.exported(config, whole)["result.jsonl"]
    assert b'"line 1\\n' not in result
    assert result.count(b"line") == 2 * 90
    for shards, group_rows in ((1, 1_000_000), (7, 30), (64, 1)):
        in_shards(shards, group_rows)
        store = MemoryStore()
        jobs.run_inline(config, store)
        assert jobs.exported(config, store)["result.jsonl"] == result, shards
        names = store.list(jobs.layout_of(config).checkpoints_dir)
        assert len([name for name in names if ".g0" in name]) == {1: 1, 7: 5, 64: 5}[shards]


def test_rows_that_could_not_be_summarised_are_dead_letters_in_shards_too(
    tmp_path: Path, in_shards: Callable[[int, int], None]
) -> None:
    some = rows(20)
    some[3] = some[11] = b'{"text":"no number here"}'
    (tmp_path / "in.jsonl").write_bytes(lines(some))
    config = small_job([tmp_path / "in.jsonl"], [UID], **{"fault_tolerance.max_dead_letter_ratio": 1.0})
    expected, _, store = run(config)
    in_shards(5, 6)
    found, _, sharded = run(config)
    assert found == expected
    assert jobs.dead_letters(config, sharded) == jobs.dead_letters(config, store)
    assert jobs.ledgers(config, sharded) == jobs.ledgers(config, store)


@pytest.fixture
def small(tmp_path: Path, in_shards: Callable[[int, int], None]) -> JobConfig:
    (tmp_path / "in.jsonl").write_bytes(lines(rows(9)))
    in_shards(3, 3)
    return small_job([tmp_path / "in.jsonl"], [MINHASH, EXACT])


def test_a_power_failure_at_some_changes_of_the_disk(small: JobConfig) -> None:
    print("crash points:", visit(small, list(Loss), stride=41))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_power_failure_at_every_change_of_the_disk(small: JobConfig) -> None:
    print("crash points:", visit(small, list(Loss)))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_sync_of_the_decisions_of_a_group_that_is_left_out_is_noticed(small: JobConfig) -> None:
    """Those of other shards are not: a shard whose bytes are lost is made again."""
    seen: list[str] = []

    def forgets(deed: str, path: str, before: str) -> bool:
        is_it = bool(re.fullmatch(r"sync .*\.g\d+\.r\d+a\d+\.decisions(\..*)?", f"{deed} {path}"))
        seen.extend([path] if is_it else [])
        return is_it

    with pytest.raises((AssertionError, DataJuicerError)) as noticed:
        visit(small, list(Loss), forgets=forgets)
    assert seen, "there is no such sync"
    print("noticed:", str(noticed.value).splitlines()[0])


def shards_of(config: JobConfig, store: DiskStore) -> set[str]:
    """The committed shards of the first resolve."""
    names = store.list(jobs.layout_of(config).shards_dir)
    return {name for name in names if name.startswith("resolve_000") and name.endswith(".json")}


def test_a_killed_run_costs_the_shards_in_flight(small: JobConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CrashingStore(jobs.memory_with_input(small), None)
    jobs.run_inline(small, store)
    expected = jobs.exported(small, store)
    commits = find_shard_commits(store)
    assert len(commits) == 3 + 3 + 1 + 3, "meet, compare, join, decide"
    made = record_shard_commits(monkeypatch)
    for number in commits:
        disk = jobs.memory_with_input(small)
        with pytest.raises(PowerLoss):
            jobs.run_inline(small, CrashingStore(disk, number + 2))
        left = disk.after_power_loss(Loss.EVERYTHING)
        committed, made[:] = shards_of(small, left), []
        jobs.run_inline(small, left)
        assert jobs.exported(small, left) == expected
        assert not committed & set(made)
        assert len([name for name in made if name.startswith("resolve_000")]) == 10 - len(committed)


@pytest.mark.parametrize("what", ["meet", "compare", "join"])
def test_a_shard_that_is_damaged_before_it_is_used_is_made_again(small: JobConfig, what: str) -> None:
    expected, _, _ = run(small)

    class Rotting(MemoryStore):
        """Of the files of a step the first that is written is damaged once it is there."""

        rotten = ""

        def read_range(self, path: str, start: int, stop: int) -> bytes:
            data = super().read_range(path, start, stop)
            if f"_{what}_" in path and self.rotten in ("", path) and "set_aside" not in path and data:
                self.rotten = path
                return bytes([data[0] ^ 0xFF]) + data[1:]
            return data

    store = Rotting()
    jobs.run_inline(small, store)
    assert store.rotten
    assert jobs.exported(small, store) == expected
