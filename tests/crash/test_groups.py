"""Jobs that make rows of several: what becomes of every row, and of files that are damaged or gone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.errors import JobFailedError, StoreError
from data_juicer.storage.memory import MemoryStore
from data_juicer.store.ledger import OperatorLedger
from data_juicer.testing import jobs
from data_juicer.testing.jobs import Watch
from tests.support.crash_recipes import CUSTOM, JOINING, lines

BY_KIND: dict[str, Any] = {"key_value_grouper": {"group_by_keys": ["kind"]}}
ROWS = [
    b'{"text":"one","kind":"a","n":1}',
    b'{"text":"two","kind":"b","n":2}',
    b"{not json",
    b'{"text":"three","kind":"a","n":3}',
    b'{"text":"poison","kind":"c","n":4}',
    b'{"text":"five","kind":"b","n":5}',
    b'{"text":"poison too","kind":"c","n":6}',
    b'{"text":"seven","kind":"a","n":7}',
]


def job(tmp_path: Path, process: Sequence[Any], rows: Sequence[bytes] = ROWS, **settings: Any) -> JobConfig:
    path = tmp_path / "in.jsonl"
    path.write_bytes(lines(rows))
    given = {"partition.size": 3, "custom_operator_paths": [CUSTOM, JOINING], **settings}
    return jobs.recipe("/disk/jobs", [str(path)], process, given)


def test_an_aggregator_of_the_users_own_makes_values_of_groups_and_bad_groups_are_dead_letters(
    tmp_path: Path,
) -> None:
    process = [BY_KIND, {"joining_aggregator": {"separator": " "}}, {"text_length_filter": {"min_len": 9}}]
    config, store = job(tmp_path, process), MemoryStore()
    jobs.run_inline(config, store)
    exported = jobs.exported(config, store)["result.jsonl"].splitlines()
    assert [json.loads(line) for line in exported] == [
        {
            "text": "one three seven",
            "n": 11,
            "kind": ["a", "a", "a"],
            "__dj__batch_meta__": {"texts": 3},
        }
    ]
    total = jobs.ledgers(config, store)[0]
    assert [_reported(ledger) for ledger in total] == [
        ("read", 8, 0, 7, 0, 1),
        ("key_value_grouper", 7, 3, 3, 7, 0),
        ("joining_aggregator", 3, 0, 2, 0, 1),
        ("text_length_filter", 2, 0, 1, 0, 0),
    ]
    group = '{"kind":["c","c"],"n":[4,6],"text":["poison","poison too"]}'
    assert jobs.dead_letters(config, store) == [("read", 3, "{not json"), ("joining_aggregator", 0, group)]
    report = pq.read_table(pa.BufferReader(store.read(jobs.layout_of(config).group_report)))
    members = list(zip(report["group"].to_pylist(), report["row"].to_pylist(), strict=True))
    assert members == [(0, 0), (0, 3), (0, 7), (1, 1), (1, 5), (2, 4), (2, 6)]


def _reported(ledger: OperatorLedger) -> tuple[str, int, int, int, int, int]:
    return (
        ledger.name,
        ledger.rows_in,
        ledger.rows_generated,
        ledger.rows_out,
        ledger.rows_grouped,
        ledger.rows_dead_letter,
    )


UNDONE: list[Any] = ["clean_links_mapper", BY_KIND, "naive_reverse_grouper"]


def test_rows_that_are_damaged_before_they_are_gathered_end_the_run_and_the_next_one_makes_them_anew(
    tmp_path: Path,
) -> None:
    config, store, undisturbed = job(tmp_path, UNDONE), MemoryStore(), MemoryStore()
    jobs.run_inline(config, undisturbed)
    jobs.run_inline(config, store)
    path = "/disk/jobs/job/checkpoints/partition_000001_001.r1a1.summary.rows.jsonl"
    store.write(path, store.read(path).replace(b"five", b"FIVE"))
    forget_results(store)
    with pytest.raises(StoreError, match="does not hold the rows"):
        jobs.run_inline(config, store)
    watch = Watch()
    jobs.run_inline(config, store, watch)
    assert jobs.exported(config, store) == jobs.exported(config, undisturbed)
    assert len([reported for reported in watch.warnings if "summary_000001_001" in reported]) == 1


def forget_results(store: MemoryStore) -> None:
    """The job as it was before its rows were gathered."""
    for name in store.list("/disk/jobs/job/results"):
        if name.endswith(".json"):
            store.remove(f"/disk/jobs/job/results/{name}")
    for name in store.list("/disk/jobs/job/checkpoints"):
        if name.startswith("checkpoint_") and not name.endswith("_000.json"):
            store.remove(f"/disk/jobs/job/checkpoints/{name}")


def test_a_summary_that_is_gone_is_made_again_with_all_that_was_decided_from_it(tmp_path: Path) -> None:
    config, store, undisturbed = job(tmp_path, UNDONE), MemoryStore(), MemoryStore()
    jobs.run_inline(config, undisturbed)
    jobs.run_inline(config, store)
    store.remove("/disk/jobs/job/checkpoints/summary_000002_001.json")
    forget_results(store)
    watch = Watch()
    jobs.run_inline(config, store, watch)
    assert jobs.exported(config, store) == jobs.exported(config, undisturbed)
    assert watch.started[0] == (2, 1)


@pytest.mark.parametrize("policy", ["keep_failed_only", "cleanup_all"])
def test_a_failed_job_keeps_the_rows_that_are_yet_to_be_gathered(tmp_path: Path, policy: str) -> None:
    process, rows = [BY_KIND, "joining_aggregator"], [row for row in ROWS if b"{not" not in row]
    settings = {"intermediate_storage.retention_policy": policy}
    config, store = job(tmp_path, process, rows, **settings), MemoryStore()
    failing = job(tmp_path, process, rows, **settings, **{"fault_tolerance.on_bad_row": "fail"})
    with pytest.raises((JobFailedError, StoreError), match="poison"):
        jobs.run_inline(failing, store)
    assert "partition_000000.json" in store.list("/disk/jobs/job/results")
    watch, fresh = Watch(), MemoryStore()
    jobs.run_inline(config, store, watch)
    jobs.run_inline(config, fresh)
    assert jobs.exported(config, store) == jobs.exported(config, fresh)
    assert 0 not in {partition for partition, _ in watch.started}
    assert [name for name in store.list("/disk/jobs/job/checkpoints") if "rows" in name] == []


def test_what_a_grouper_did_is_reported_as_such(tmp_path: Path) -> None:
    config, store = job(tmp_path, [BY_KIND]), MemoryStore()
    jobs.run_inline(config, store)
    log = store.read("/disk/jobs/job/event_logs/events.log").decode()
    assert "key_value_grouper: 7 rows of 3 partitions compared in" in log
    assert "; all of them went into groups" in log
