from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from data_juicer.backends.inline import InlineBackend
from data_juicer.config.schema import JobConfig
from data_juicer.engine.driver import committer
from tests.support.crash_recipes import STRATEGIES, configured
from tests.support.power_loss import LOSSES, visit

FORMATS = ["parquet", "arrow", "jsonl"]

OTHERS = {
    "gzip input, copied": {"name": "in.jsonl.gz"},
    "retention keep_failed_only": {"intermediate_storage.retention_policy": "keep_failed_only"},
    "retention cleanup_all": {"intermediate_storage.retention_policy": "cleanup_all"},
    "shards": {"export_shard_size": 60},
    "packed export": {"export_path": "/disk/jobs/result.jsonl.gz"},
    "parquet export": {"export_path": "/disk/jobs/result.parquet"},
}


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_job_whose_power_fails_resumes_to_the_undisturbed_bytes(
    make_config: Callable[..., JobConfig], strategy: str, file_format: str
) -> None:
    config = make_config(**configured(strategy, file_format))
    print(strategy, file_format, "crash points:", visit(config, LOSSES, stride=7))


@pytest.mark.parametrize("settings", OTHERS.values(), ids=OTHERS)
def test_so_does_one_with_copies_shards_or_cleaning_up(
    make_config: Callable[..., JobConfig], settings: dict[str, Any]
) -> None:
    config = make_config(**settings)
    print(settings, "crash points:", visit(config, LOSSES, stride=7))


class ForgetfulPool:
    """Commits in the driver's thread, so that every run writes in the same order, and tells of it later."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        self._work = work
        self._done: deque[Any] = deque()

    @property
    def in_flight(self) -> int:
        return len(self._done)

    def submit(self, lane: object, job: object) -> None:
        self._done.append(self._work(job))

    def take(self, timeout_s: float = 0.0) -> Any:
        return self._done.popleft() if self._done else None

    def close(self) -> None:
        pass


@pytest.mark.parametrize("strategy", ["every_op", "disabled"])
def test_so_does_one_whose_partitions_are_committed_together(
    make_config: Callable[..., JobConfig], strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InlineBackend, "slots", 4)
    monkeypatch.setattr(committer, "CommitPool", ForgetfulPool)
    config = make_config(**configured(strategy, "parquet"))
    print(strategy, "crash points:", visit(config, LOSSES, stride=7))


@pytest.mark.slow
@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_crash_point_with_every_loss(
    make_config: Callable[..., JobConfig], strategy: str, file_format: str
) -> None:
    config = make_config(**configured(strategy, file_format))
    print(strategy, file_format, "crash points:", visit(config, LOSSES))


@pytest.mark.slow
@pytest.mark.parametrize("settings", OTHERS.values(), ids=OTHERS)
def test_every_crash_point_with_copies_shards_or_cleaning_up(
    make_config: Callable[..., JobConfig], settings: dict[str, Any]
) -> None:
    config = make_config(**settings)
    print(settings, "crash points:", visit(config, LOSSES))
