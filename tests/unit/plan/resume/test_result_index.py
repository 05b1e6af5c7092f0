"""The index of results saves reading manifests, and is believed only where they are what it says."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.plan.resume import result_index
from data_juicer.storage.memory import MemoryStore
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs

ROWS = 40
GROUP = 7


class CountingStore(PosixStore):
    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def read(self, path: str) -> bytes:
        if "/results/partition_" in path:
            self.asked["manifests" if path.endswith(".json") else "results"] += 1
        return super().read(path)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs of so few partitions have an index, of several groups; and nobody waits until files are old."""
    monkeypatch.setattr("data_juicer.plan.resume.found.INDEXED_MIN", 1)
    monkeypatch.setattr("data_juicer.engine.output.publish.INDEXED_MIN", 1)
    monkeypatch.setattr("data_juicer.plan.resume.done_results.GROUP_RECORDS", GROUP)
    monkeypatch.setattr(result_index, "_SETTLED_S", -1_000_000_000)


@pytest.fixture
def config(tmp_path: Path) -> JobConfig:
    rows = "".join(f'{{"text":"row  {number}"}}\n' for number in range(ROWS))
    (tmp_path / "in.jsonl").write_text(rows)
    settings = {"partition.size": 1, "fault_tolerance.max_dead_letter_ratio": 1}
    names = ["whitespace_normalization_mapper", {"text_length_filter": {"min_len": 1}}]
    return jobs.recipe(str(tmp_path), [str(tmp_path / "in.jsonl")], names, settings)


def resume(config: JobConfig, lost: int = 17) -> CountingStore:
    """Run on after the result of a partition and the summary were lost."""
    store, layout = CountingStore(), jobs.layout_of(config)
    os.unlink(layout.result_manifest(lost))
    os.unlink(layout.summary)
    jobs.run_inline(config, store)
    return store


def undisturbed(config: JobConfig) -> tuple[dict[str, bytes], object]:
    store = PosixStore()
    return jobs.exported(config, store), jobs.ledgers(config, store)


def test_a_resume_reads_no_manifest_but_the_new_one(config: JobConfig) -> None:
    jobs.run_inline(config, PosixStore())
    expected = undisturbed(config)
    for lost in (3, 29):
        store = resume(config, lost)
        assert store.asked["manifests"] == 2, "to publish it, and when what is left of it is removed"
        assert store.asked["results"] == 2 * ROWS, "rows and stats of each are read and checked, once"
        assert undisturbed(config) == expected


def flip(path: str) -> None:
    data = bytearray(Path(path).read_bytes())
    data[len(data) // 2] ^= 1
    Path(path).write_bytes(data)


def cut(path: str) -> None:
    os.truncate(path, os.stat(path).st_size * 2 // 3)


def grow(path: str) -> None:
    Path(path).write_bytes(Path(path).read_bytes() + b"\x07" * 5)


@pytest.mark.parametrize("damage", [flip, cut, grow, os.unlink, lambda path: Path(path).write_bytes(b"")])
def test_a_damaged_index_costs_reading_and_is_made_again(
    config: JobConfig, damage: Callable[[str], object]
) -> None:
    jobs.run_inline(config, PosixStore())
    expected = undisturbed(config)
    damage(jobs.layout_of(config).result_index)
    resume(config)
    assert undisturbed(config) == expected
    assert resume(config).asked["manifests"] == 2, "what was read is in the index again"
    assert undisturbed(config) == expected


def test_a_manifest_that_changed_is_read_whatever_the_index_says(config: JobConfig) -> None:
    jobs.run_inline(config, PosixStore())
    expected = undisturbed(config)
    flip(jobs.layout_of(config).result_manifest(5))
    store = resume(config)
    assert store.asked["manifests"] > 2
    assert undisturbed(config) == expected
    assert any(
        "set_aside" in name or "aside" in name for name in os.listdir(jobs.layout_of(config).results_dir)
    )


def test_a_manifest_that_is_gone_is_not_believed_from_the_index(config: JobConfig) -> None:
    jobs.run_inline(config, PosixStore())
    expected = undisturbed(config)
    os.unlink(jobs.layout_of(config).result_manifest(5))
    resume(config)
    assert undisturbed(config) == expected


@pytest.mark.parametrize("kind", ["a1.jsonl", "stats.jsonl"])
def test_a_damaged_result_is_found_when_it_is_joined_and_made_again(config: JobConfig, kind: str) -> None:
    jobs.run_inline(config, PosixStore())
    expected = undisturbed(config)
    layout = jobs.layout_of(config)
    for partition in (2, 38):
        for path in Path(layout.results_dir).glob(f"partition_{partition:06d}.r*{kind}"):
            flip(str(path))
    store = resume(config)
    assert len(os.listdir(os.path.join(layout.results_dir, "set_aside"))) == 2
    assert store.asked["results"] > 2 * ROWS
    assert undisturbed(config) == expected


def test_another_recipe_or_another_row_takes_nothing_from_the_index(
    config: JobConfig, tmp_path: Path
) -> None:
    jobs.run_inline(config, PosixStore())
    longer = replace(config, process=[*config.process, {"text_length_filter": {"min_len": 7}}])
    jobs.run_inline(longer, PosixStore())
    fresh = replace(longer, work_dir=str(tmp_path / "fresh"), export_path=str(tmp_path / "f.jsonl"))
    jobs.run_inline(fresh, PosixStore())
    assert list(jobs.exported(longer, PosixStore()).values()) == list(
        jobs.exported(fresh, PosixStore()).values()
    )
    source = tmp_path / "in.jsonl"
    source.write_text(source.read_text().replace("row  20", "row  twenty"))
    jobs.run_inline(longer, PosixStore())
    assert b"twenty" in b"".join(jobs.exported(longer, PosixStore()).values())


def test_an_index_in_a_store_that_cannot_append_serves_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    monkeypatch.setattr(MemoryStore, "logs", None)
    index = result_index.ResultIndex("pipeline", store, "/index")
    record = result_index.Record(
        partition=1, fragment="f", place=0, version="v", operator_index=0, files=(), dead_letters=(), traces=(),
        produced=(), rows=1, attempt="r1a1", run=1, created="", ledgers=b"[]",
    )  # fmt: skip
    for partition in range(3):
        data = result_index.encode_record(msgspec.structs.replace(record, partition=partition))
        index.add((), (data,))
    again = result_index.ResultIndex("pipeline", store, "/index")
    assert [each.partition for group in again.groups() for each in group.records] == [0, 1, 2]
    assert list(result_index.ResultIndex("another", store, "/index").groups()) == []
