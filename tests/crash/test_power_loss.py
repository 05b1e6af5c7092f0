from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from data_juicer.backends.inline import InlineBackend
from data_juicer.config.schema import JobConfig
from data_juicer.engine.driver import committer
from data_juicer.engine.lifecycle import build_setup
from data_juicer.engine.scheduling.save_costs import SaveCosts
from data_juicer.plan.policy import SaveRule
from tests.support.crash_recipes import STRATEGIES, configured
from tests.support.power_loss import LOSSES, visit

FORMATS = ["parquet", "arrow", "jsonl"]

COPIED = {
    "gzip": "in.jsonl.gz",
    "zstd": "in.jsonl.zst",
    "bzip2": "in.jsonl.bz2",
    "xz": "in.jsonl.xz",
    "Parquet, cut": "in.parquet",
}
"""Inputs that cannot be read by ranges, so that they are copied into `partitions/`."""
UNPACKED_ALIKE = {f"{what} input, copied" for what in ("zstd", "bzip2", "xz")}
"""What comes out of them takes the way of gzip, so that fewer crash points are visited where time is short."""

OTHERS: dict[str, dict[str, Any]] = {
    **{f"{what} input, copied": {"name": name} for what, name in COPIED.items()},
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


@pytest.mark.parametrize("what", OTHERS)
def test_so_does_one_with_copies_shards_or_cleaning_up(
    make_config: Callable[..., JobConfig], what: str
) -> None:
    config = make_config(**OTHERS[what])
    print(what, "crash points:", visit(config, LOSSES, stride=31 if what in UNPACKED_ALIKE else 7))


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


def test_so_does_one_whose_partitions_have_checkpoints_after_different_operators(
    make_config: Callable[..., JobConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with the strategy auto: each attempt of a run is told other operators, and the next run begins anew."""

    class Changing(SaveCosts):
        count = 0

        def rule(self) -> SaveRule:
            self.count += 1
            some = frozenset(index for index in range(9) if (index + self.count) % 3 == 0)
            return replace(super().rule(), always=some)

    monkeypatch.setattr(build_setup, "SaveCosts", Changing)
    config = make_config(**{"checkpoint.strategy": "auto"})
    print("auto, crash points:", visit(config, LOSSES, stride=17))


@pytest.mark.slow
@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_crash_point_with_every_loss(
    make_config: Callable[..., JobConfig], strategy: str, file_format: str
) -> None:
    config = make_config(**configured(strategy, file_format))
    print(strategy, file_format, "crash points:", visit(config, LOSSES))


@pytest.mark.slow
@pytest.mark.parametrize("what", OTHERS)
def test_every_crash_point_with_copies_shards_or_cleaning_up(
    make_config: Callable[..., JobConfig], what: str
) -> None:
    config = make_config(**OTHERS[what])
    print(what, "crash points:", visit(config, LOSSES))
