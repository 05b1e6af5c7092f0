"""Rows that a dataset operator cannot summarise, how many of them a job bears, and the seconds it counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.engine.output.dead_letters import committed_dead_letters
from data_juicer.errors import JobFailedError, StoreError
from data_juicer.storage.memory import MemoryStore
from data_juicer.store.decisions import commit_resolve, read_resolve
from data_juicer.testing import jobs
from data_juicer.testing.jobs import Watch
from tests.support.crash_recipes import lines, small_job

WITH_UID: dict[str, Any] = {"document_minhash_deduplicator_with_uid": {"window_size": 2}}
EXACT = "document_deduplicator"
PROCESS: list[Any] = ["clean_links_mapper", WITH_UID, "clean_email_mapper"]
ROWS = [
    b'{"text":"one two three","__dj__uid":5}',
    b'{"text":"no number"}',
    b'{"text":"one two three","__dj__uid":1}',
    b'{"text":"a word","__dj__uid":"6"}',
    b'{"text":"one two three","__dj__uid":3}',
    b'{"text":"something else","__dj__uid":4}',
    b'{"text":"all","__dj__uid":1.5}',
]


def job(tmp_path: Path, process: Sequence[Any], rows: Sequence[bytes], **settings: Any) -> JobConfig:
    path = tmp_path / "in.jsonl"
    path.write_bytes(lines(rows))
    return small_job([path], process, **settings)


@pytest.mark.parametrize("strategy", ["every_op", "disabled"])
@pytest.mark.parametrize("size", [2, 3, 100])
def test_a_row_that_cannot_be_summarised_is_a_dead_letter(tmp_path: Path, size: int, strategy: str) -> None:
    settings = {"partition.size": size, "checkpoint.strategy": strategy}
    config, store = job(tmp_path, PROCESS, ROWS, **settings), MemoryStore()
    jobs.run_inline(config, store)
    assert jobs.exported(config, store)["result.jsonl"].splitlines() == [ROWS[2], ROWS[5]]
    name = "document_minhash_deduplicator_with_uid"
    assert jobs.dead_letters(config, store) == [(name, n + 1, ROWS[n].decode()) for n in (1, 3, 6)]
    ledger = jobs.ledgers(config, store)[0][2]
    counts = (ledger.rows_in, ledger.rows_out, ledger.rows_duplicate, ledger.rows_dead_letter)
    assert counts == (7, 2, 2, 3)


def test_the_dedup_report_counts_rows_that_could_not_be_read(tmp_path: Path) -> None:
    rows = [b'{"text":"broken', b'{"text":"one"}', b'{"text":7}', b'{"text":"two"}', b'{"text":"one"}']
    config, store = job(tmp_path, [EXACT], rows), MemoryStore()
    jobs.run_inline(config, store)
    report = pq.read_table(pa.BufferReader(store.read(jobs.layout_of(config).dedup_report))).to_pylist()
    assert [(row["row"], row["kept_row"]) for row in report] == [(4, 1)]


def test_it_ends_the_job_where_no_row_may_be_lost(tmp_path: Path) -> None:
    config = job(tmp_path, PROCESS, ROWS, **{"fault_tolerance.on_bad_row": "fail"})
    with pytest.raises((JobFailedError, StoreError), match=r"in\.jsonl, line 2: .*must hold an integer"):
        jobs.run_inline(config, MemoryStore())


def test_a_damaged_decision_about_dead_rows_is_made_again(tmp_path: Path) -> None:
    config, store, undisturbed = job(tmp_path, PROCESS, ROWS), MemoryStore(), MemoryStore()
    jobs.run_inline(config, undisturbed)
    jobs.run_inline(config, store)
    store.remove("/disk/jobs/job/results/results.json")
    store.remove("/disk/jobs/job/results/partition_000000.json")
    for index in (1, 2):
        store.remove(f"/disk/jobs/job/checkpoints/checkpoint_000000_{index:03}.json")
    path = "/disk/jobs/job/checkpoints/resolve_001.r1.decisions"
    store.write(path, store.read(path).replace(b"must hold an integer", b"must hold an INTEGER"))
    watch = Watch()
    jobs.run_inline(config, store, watch)
    assert jobs.exported(config, store) == jobs.exported(config, undisturbed)
    assert jobs.dead_letters(config, store) == jobs.dead_letters(config, undisturbed)


def test_more_dead_letters_than_a_job_bears_end_it_at_the_dataset_operator_again_and_again(
    tmp_path: Path,
) -> None:
    rows = [b'{"text":"text %d","__dj__uid":%d}' % (n, n) if n % 20 else b'{"text":"no"}' for n in range(400)]
    config = job(tmp_path, PROCESS, rows, **{"partition.size": 50})
    store = MemoryStore()
    for _ in range(2):
        watch = Watch()
        with pytest.raises(JobFailedError, match=r"rows are dead letters.*must hold an integer"):
            jobs.run_inline(config, store, watch)
        assert not [index for _, index in watch.started if index > 1]
    assert {
        dead_letter.operator_index for dead_letter in committed_dead_letters(store, jobs.layout_of(config))
    } == {1}
    borne = job(
        tmp_path, PROCESS, rows, **{"partition.size": 50, "fault_tolerance.max_dead_letter_ratio": 0.06}
    )
    jobs.run_inline(borne, store)
    assert len(jobs.dead_letters(borne, store)) == 20


def test_too_many_are_too_many_also_where_every_summary_is_there(tmp_path: Path) -> None:
    rows = [b'{"text":"text %d","__dj__uid":%d}' % (n, n) if n < 190 else b"{not json" for n in range(199)]
    config = job(tmp_path, [WITH_UID], [*rows, b'{"text":"no"}'], **{"partition.size": 100})
    store = MemoryStore()
    for begun in ([(0, 0), (1, 0)], []):
        watch = Watch()
        with pytest.raises(JobFailedError, match=r"10 of 200 rows are dead letters"):
            jobs.run_inline(config, store, watch)
        assert watch.started == begun
        dead_letters = committed_dead_letters(store, jobs.layout_of(config))
        assert [dead_letter.operator_index for dead_letter in dead_letters] == [-1] * 9 + [0]


def test_bad_rows_before_a_dataset_operator_count_at_it(tmp_path: Path) -> None:
    rows = [b'{"text":"text %d"}' % n if n % 20 else b"{not json" for n in range(200)]
    config = job(tmp_path, [EXACT], rows, **{"partition.size": 50})
    watch = Watch()
    with pytest.raises(JobFailedError, match=r"rows are dead letters.*line 1: read"):
        jobs.run_inline(config, MemoryStore(), watch)
    assert len(watch.started) == 1, (
        "three of two hundred rows are more than the ratio allows, whatever follows"
    )


def test_the_seconds_of_all_steps_are_the_operators(tmp_path: Path) -> None:
    config, store = job(tmp_path, ["clean_links_mapper", EXACT], ROWS), MemoryStore()
    jobs.run_inline(config, store)
    path = "/disk/jobs/job/checkpoints/resolve_001.json"
    resolve = read_resolve(store, path)
    assert all(decision.duration_s > 0 for decision in resolve.decisions)
    assert sum(decision.text_bytes for decision in resolve.decisions) == 71
    slow = [msgspec.structs.replace(decision, duration_s=1000.0) for decision in resolve.decisions]
    store.remove(path)
    commit_resolve(store, path, msgspec.structs.replace(resolve, decisions=tuple(slow)))
    store.remove("/disk/jobs/job/results/results.json")
    store.remove("/disk/jobs/job/results/partition_000000.json")
    store.remove("/disk/jobs/job/checkpoints/checkpoint_000000_001.json")
    result = jobs.run_inline(config, store)
    assert 1000 < result.view.operators[1].duration_s < 1100
    assert result.view.operators[1].text_bytes == 71
