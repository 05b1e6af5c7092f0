"""A resolve in shards gives the same bytes on every backend, also when its workers are killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from data_juicer.core.executor.factory import make_executor
from data_juicer.engine.driver import resolve_shards
from data_juicer.engine.driver.committer import Committer
from data_juicer.engine.run_context import RunControl
from data_juicer.storage.posix import PosixStore
from data_juicer.store.index.versions import find_newest
from data_juicer.store.resolve.shards import ShardManifest
from data_juicer.testing import jobs

PROCESS: list[Any] = [
    {"document_minhash_deduplicator": {"window_size": 1, "num_permutations": 32}},
    {"document_deduplicator": {"ignore_non_character": True}},
]


def run(folder: Path, **settings: object) -> tuple[bytes, list[dict[str, Any]]]:
    """The result of a job, and its report of what was removed."""
    folder.mkdir()
    rows = [b'{"text":"row %d of %d, and so on"}\n' % (row % 90, row % 7) for row in range(700)]
    (folder / "in.jsonl").write_bytes(b"".join(rows))
    given = {"partition.size": 50, **settings}
    config = jobs.recipe(str(folder / "job"), [str(folder / "in.jsonl")], PROCESS, given)
    make_executor(config, RunControl()).run(config)
    report = pq.read_table(jobs.layout_of(config).dedup_report)
    columns = report.select(["operator_index", "row", "kept_row", "similarity"])
    return (folder / "job" / "result.jsonl").read_bytes(), columns.to_pylist()


@pytest.fixture
def in_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve_shards, "SHARDED_KEYS", 0)
    monkeypatch.setattr(resolve_shards, "SHARDS", 4)


SELECTIONS: list[Any] = [
    {"random_selector": {"select_ratio": 0.95}},
    {"range_specified_field_selector": {"field_key": "n", "lower_rank": 40, "upper_percentile": 0.9}},
    {"frequency_specified_field_selector": {"field_key": "tag", "top_ratio": 0.8}},
    {"key_value_grouper": {"group_by_keys": ["tag"]}},
]


def selected(folder: Path, **settings: object) -> bytes:
    """The result of a job that selects rows and makes groups of them."""
    folder.mkdir()
    rows = [b'{"text":"row %d","n":%d,"tag":%d}\n' % (row, row * 37 % 101, row % 90) for row in range(700)]
    (folder / "in.jsonl").write_bytes(b"".join(rows))
    given = {"partition.size": 50, **settings}
    config = jobs.recipe(str(folder / "job"), [str(folder / "in.jsonl")], SELECTIONS, given)
    make_executor(config, RunControl()).run(config)
    return (folder / "job" / "result.jsonl").read_bytes()


def indexed(folder: Path, **settings: object) -> tuple[list[bytes], list[Any]]:
    """The results of two jobs that share an index, and what each added to it."""
    folder.mkdir()
    index, results = str(folder / "texts.index"), []
    process = [
        {
            "document_minhash_deduplicator": {
                "window_size": 1,
                "num_permutations": 32,
                "dedup_index": index,
                "update": True,
            }
        }
    ]
    for name, start in (("first", 0), ("second", 60)):
        rows = [
            b'{"text":"%s row %d of %d"}\n' % (name.encode() * (row % 3), row % 90, row % 7)
            for row in range(start, start + 150)
        ]
        (folder / f"{name}.jsonl").write_bytes(b"".join(rows))
        given = {"partition.size": 50, **settings}
        config = jobs.recipe(str(folder / name), [str(folder / f"{name}.jsonl")], process, given)
        make_executor(config, RunControl()).run(config)
        results.append((folder / name / "result.jsonl").read_bytes())
    newest = find_newest(PosixStore(), index)
    assert newest is not None
    return results, [[segment.rows for segment in each.segments] for each in newest.additions]


BACKENDS = ["default", pytest.param("ray_partitioned", marks=[pytest.mark.slow, pytest.mark.timeout(300)])]


@pytest.mark.usefixtures("in_shards")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_changes_no_byte(tmp_path: Path, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run(tmp_path / "shards", executor_type=backend, np=2)
    monkeypatch.setattr(resolve_shards, "SHARDED_KEYS", 1 << 60)
    assert run(tmp_path / "whole", executor_type="inline") == found


@pytest.mark.usefixtures("in_shards")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_changes_no_byte_of_selections(
    tmp_path: Path, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = selected(tmp_path / "shards", executor_type=backend, np=2)
    monkeypatch.setattr(resolve_shards, "SHARDED_KEYS", 1 << 60)
    assert selected(tmp_path / "whole", executor_type="inline") == found
    assert 40 < len(found.splitlines()) < 90


@pytest.mark.usefixtures("in_shards")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_changes_no_byte_of_jobs_that_share_an_index(
    tmp_path: Path, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = indexed(tmp_path / "shards", executor_type=backend, np=2)
    monkeypatch.setattr(resolve_shards, "SHARDED_KEYS", 1 << 60)
    assert indexed(tmp_path / "whole", executor_type="inline") == found
    assert 0 < len(found[0][1].splitlines()) < len(found[0][0].splitlines())


@pytest.mark.usefixtures("in_shards")
def test_workers_that_are_killed_cost_the_shards_in_flight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = run(tmp_path / "undisturbed", executor_type="inline")
    commit, made = Committer.commit_shard, list[str]()

    def kill_after(self: Committer, path: str, manifest: ShardManifest) -> None:
        commit(self, path, manifest)
        made.append(path)
        if len(made) in (2, 7):
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            for child in children:
                os.kill(int(child), signal.SIGKILL)

    monkeypatch.setattr(Committer, "commit_shard", kill_after)
    assert run(tmp_path / "killed", executor_type="default", np=2) == undisturbed
    assert len(made) == len(set(made)), "a shard was committed twice"
