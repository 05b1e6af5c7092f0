"""Files that operators make: named by manifests, durable with their stage, beside the export at the end, no orphan left."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import pytest

import data_juicer.testing.operators.producing as operators
from data_juicer.config.schema import JobConfig
from data_juicer.events import types as t
from data_juicer.job.names import parse_produced_name
from data_juicer.storage.memory import Loss, MemoryStore
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss

PROCESS = ["written_file_mapper", "clean_links_mapper", "read_file_mapper"]
TEXTS = ["one", "two http://a.example/x", "three", "one", "five", "six"]
EXPORT = "/disk/jobs"


def config(folder: Path, **settings: object) -> JobConfig:
    path = folder / "in.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    given = {
        "custom_operator_paths": [os.path.abspath(operators.__file__)],
        "partition.size": 3,
        "checkpoint.strategy": "every_op",
        **settings,
    }
    return jobs.recipe(EXPORT, [str(path)], PROCESS, given)


def outcome(job: JobConfig, store: MemoryStore) -> tuple[bytes, dict[str, bytes]]:
    """The export, and every file that its rows refer to."""
    exported = jobs.exported(job, store)["result.jsonl"]
    paths = {json.loads(line)["file"] for line in exported.splitlines()}
    return exported, {path: store.read(f"{EXPORT}/{path}") for path in sorted(paths)}


def test_rows_refer_to_files_beside_the_export_and_equal_ones_are_one(tmp_path: Path) -> None:
    store, job = MemoryStore(), config(tmp_path)
    jobs.run_inline(job, store)
    exported, files = outcome(job, store)
    rows = [json.loads(line) for line in exported.splitlines()]
    assert [row["content"] for row in rows] == TEXTS
    assert rows[0]["file"] == rows[3]["file"]
    assert all(path.startswith("__dj__produced_data__/written_file_mapper/") for path in files)
    assert sorted(files.values()) == sorted({text.encode() for text in TEXTS})


@pytest.mark.parametrize("loss", [Loss.EVERYTHING, Loss.ORDER])
def test_a_power_loss_at_any_time_shows_neither_in_rows_nor_in_files(tmp_path: Path, loss: Loss) -> None:
    job, undisturbed = config(tmp_path), MemoryStore()
    jobs.run_inline(job, undisturbed)
    expected = outcome(job, undisturbed)
    for crash_at in itertools.count(1, 4):
        disk = MemoryStore()
        try:
            jobs.run_inline(job, CrashingStore(disk, crash_at))
        except PowerLoss:
            disk = disk.after_power_loss(loss)
        else:
            break
        jobs.run_inline(job, disk)
        assert outcome(job, disk) == expected, f"crash_at={crash_at}"
        made = disk.list(jobs.layout_of(job).produced_dir)
        assert len(made) == len({parse_produced_name(name).digest + name[:16] for name in made}), crash_at  # type: ignore[union-attr]
    assert crash_at > 40


def test_a_file_is_published_again_where_it_was_damaged(tmp_path: Path) -> None:
    store, job = MemoryStore(), config(tmp_path)
    jobs.run_inline(job, store)
    expected = outcome(job, store)
    (path, *_) = expected[1]
    store.write(f"{EXPORT}/{path}", b"damaged")
    store.remove(f"{EXPORT}/result.jsonl")
    jobs.run_inline(job, store)
    assert outcome(job, store) == expected


def flip(store: MemoryStore, job: JobConfig) -> None:
    """A bit of the first file that an operator made, as it is committed."""
    directory = jobs.layout_of(job).produced_dir
    path = f"{directory}/{store.list(directory)[0]}"
    store.write(path, bytes([store.read(path)[0] ^ 1]) + store.read(path)[1:])


@pytest.mark.parametrize("retention", ["keep_all", "cleanup_all"])
def test_a_file_that_was_damaged_before_it_was_published_costs_its_partition(
    tmp_path: Path, retention: str
) -> None:
    store, job = MemoryStore(), config(tmp_path, **{"intermediate_storage.retention_policy": retention})
    jobs.run_inline(job, store)
    expected, ledgers, counts = outcome(job, store), jobs.ledgers(job, store), jobs.counts(job, store)
    flip(store, job)
    store.remove(f"{EXPORT}/result.jsonl")
    watch = jobs.Watch()
    jobs.run_inline(job, store, watch)
    assert outcome(job, store) == expected
    assert (jobs.ledgers(job, store), jobs.counts(job, store)) == (ledgers, counts)
    assert {partition for partition, _ in watch.started} == {0}, "the other partition is used as it is"


class Damager(jobs.Watch):
    """Damages a file as soon as the last partition of a run is done, before anything is published."""

    def __init__(self, store: MemoryStore, job: JobConfig) -> None:
        super().__init__()
        self.store, self.job, self.left = store, job, 2

    def event_recorded(self, record: t.Record) -> None:
        super().event_recorded(record)
        if isinstance(record.event, t.PartitionComplete):
            self.left -= 1
            if self.left == 0:
                flip(self.store, self.job)


def test_a_file_of_this_run_that_is_damaged_before_it_is_published_is_made_again(tmp_path: Path) -> None:
    undisturbed, store, job = MemoryStore(), MemoryStore(), config(tmp_path)
    jobs.run_inline(job, undisturbed)
    damager = Damager(store, job)
    jobs.run_inline(job, store, damager)
    assert damager.left <= 0
    assert outcome(job, store) == outcome(job, undisturbed)
    assert jobs.counts(job, store) == jobs.counts(job, undisturbed)
