"""The scan of a large input runs on the workers of every backend, and finds what one process finds."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from data_juicer.core.executor.factory import make_executor
from data_juicer.engine.run_context import RunControl
from data_juicer.events import types as t
from data_juicer.plan.scan import shared
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs


def run(folder: Path, **settings: object) -> tuple[bytes, list[str], jobs.Watch]:
    """The result of a job over one file, what its partitions hold, and its events."""
    folder.mkdir()
    rows = b"".join(b'{"text":"row  %d"}\n' % row for row in range(3000))
    (folder / "in.jsonl").write_bytes(rows)
    watch = jobs.Watch()
    config = jobs.recipe(
        str(folder / "job"),
        [str(folder / "in.jsonl")],
        ["whitespace_normalization_mapper"],
        {"partition.size": 300, **settings},
    )
    make_executor(config, RunControl(observers=(watch,))).run(config)
    report = PosixStore().read(jobs.layout_of(config).dataset_mapping).decode()
    digests = [line for line in report.splitlines() if '"digest"' in line]
    return (folder / "job" / "result.jsonl").read_bytes(), digests, watch


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "LARGE_BYTES", 0)
    monkeypatch.setattr(shared, "RANGE_BYTES", 5000)


def scanned(watch: jobs.Watch) -> list[str]:
    return [
        reported.message
        for reported in watch.events(t.InfoNotice)
        if "scanned by workers" in reported.message
    ]


BACKENDS = ["default", pytest.param("ray_partitioned", marks=[pytest.mark.slow, pytest.mark.timeout(300)])]


@pytest.mark.usefixtures("small_ranges")
@pytest.mark.parametrize("backend", BACKENDS)
def test_workers_scan_and_change_no_byte(tmp_path: Path, backend: str) -> None:
    alone = run(tmp_path / "alone", executor_type="inline")
    shared_out = run(tmp_path / "shared", executor_type=backend, np=2)
    assert shared_out[:2] == alone[:2]
    assert (len(scanned(shared_out[2])), len(scanned(alone[2]))) == (1, 0)


@pytest.mark.usefixtures("small_ranges")
def test_workers_that_are_killed_during_a_scan_change_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = run(tmp_path / "alone", executor_type="inline")
    unkilled, killed = shared.SharedScan.hear, list[int]()

    def hear(self: shared.SharedScan, number: int, found: shared.Scanned) -> None:
        if number > 2 and not killed:
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            killed.extend(map(int, children))
            for child in killed:
                os.kill(child, signal.SIGKILL)
        unkilled(self, number, found)

    monkeypatch.setattr(shared.SharedScan, "hear", hear)
    result, digests, _ = run(tmp_path / "killed_job", executor_type="default", np=2)
    assert (result, digests) == alone[:2]
    assert len(killed) == 2
