"""The shards of an export that workers write are those that the driver writes, whenever the power fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data_juicer.backends.inline import InlineBackend
from data_juicer.config.schema import JobConfig
from data_juicer.core.executor.factory import make_executor
from data_juicer.engine.output import export_shards
from data_juicer.storage.memory import Loss, MemoryStore
from data_juicer.storage.posix import PosixStore
from data_juicer.store import results
from data_juicer.testing import jobs
from tests.support.crash_recipes import lines, small_job
from tests.support.power_loss import visit

PROCESS: list[Any] = ["whitespace_normalization_mapper"]
ROWS = [b'{"text":"row %d of some"}' % number for number in range(12)]
SIZES: dict[str, dict[str, Any]] = {
    "plain": {"export_shard_size": 60},
    "gzip": {"export_shard_size": 60, "export_type": "jsonl.gz"},
}


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every export in shards is written by workers, of which inline stands for several; how many tasks there were."""
    monkeypatch.setattr(results, "SHARED_BYTES", 0)
    monkeypatch.setattr(InlineBackend, "workers", 2)
    made: list[int] = []
    take = export_shards.ExportShards.take
    monkeypatch.setattr(
        export_shards.ExportShards,
        "take",
        lambda self, number, found: (made.append(number), take(self, number, found))[1],
    )
    return made


def config_of(tmp_path: Path, settings: dict[str, Any]) -> JobConfig:
    (tmp_path / "in.jsonl").write_bytes(lines(ROWS))
    return small_job([tmp_path / "in.jsonl"], PROCESS, **settings)


@pytest.mark.parametrize("settings", SIZES.values(), ids=SIZES)
def test_shards_are_those_of_the_driver(
    tmp_path: Path, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, shared: list[int]
) -> None:
    config, by_workers, by_driver = config_of(tmp_path, settings), MemoryStore(), MemoryStore()
    jobs.run_inline(config, by_workers)
    assert len(shared) == 6
    monkeypatch.setattr(results, "SHARED_BYTES", 1 << 60)
    jobs.run_inline(config, by_driver)
    assert jobs.exported(config, by_workers) == jobs.exported(config, by_driver)
    assert len(jobs.exported(config, by_workers)) == 6
    assert [name for name in by_workers.list("/disk/jobs") if name.startswith(".")] == []


@pytest.mark.usefixtures("shared")
def test_a_power_failure_at_some_changes_of_the_disk(tmp_path: Path) -> None:
    print("crash points:", visit(config_of(tmp_path, SIZES["plain"]), list(Loss), stride=29))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("shared")
def test_a_power_failure_at_every_change_of_the_disk(tmp_path: Path) -> None:
    print("crash points:", visit(config_of(tmp_path, SIZES["plain"]), list(Loss)))


def test_worker_processes_write_them_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: list[int]
) -> None:
    (tmp_path / "in.jsonl").write_bytes(lines(ROWS))
    given = {"partition.size": 3, "executor_type": "default", "np": 2, **SIZES["gzip"]}
    config = jobs.recipe(str(tmp_path / "jobs"), [str(tmp_path / "in.jsonl")], PROCESS, given)
    make_executor(config).run(config)
    assert len(shared) == 6
    monkeypatch.setattr(results, "SHARED_BYTES", 1 << 60)
    inline, store = config_of(tmp_path, SIZES["gzip"]), MemoryStore()
    jobs.run_inline(inline, store)
    assert jobs.exported(config, PosixStore()) == jobs.exported(inline, store)
    names = sorted(path.name for path in (tmp_path / "jobs").iterdir())
    assert [name for name in names if name.startswith(".")] == []
