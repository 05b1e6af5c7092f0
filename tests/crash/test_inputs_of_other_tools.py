"""A file of each format, killed in the middle and resumed, gives the bytes that the same rows give from JSON Lines."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from data_juicer.storage.memory import MemoryStore
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss
from tests.support.other_tools import FILES, Rows, lines, make_rows, write_warc

PROCESS: list[Any] = ["whitespace_normalization_mapper", {"text_length_filter": {"min_len": 20}}]
FEW = 300
MANY = 200_000
GONE_S = 300.0


def inline(path: str, store: MemoryStore, crash_at: int | None = None) -> CrashingStore:
    config = jobs.recipe("/jobs", [path], PROCESS, {"partition.size": 40, "partition.max_size_mb": 1})
    crashing = CrashingStore(store, crash_at)
    jobs.run_inline(config, crashing)
    return crashing


def store_with(path: str, data: bytes) -> MemoryStore:
    store = MemoryStore()
    store.make_dirs("/in")
    store.stage(path, data)
    return store


@pytest.mark.parametrize("end", FILES)
def test_few_rows_of_a_format_resume_to_the_bytes_of_json_lines(end: str) -> None:
    rows = make_rows(FEW)
    meant = store_with("/in/rows.jsonl", lines(rows))
    inline("/in/rows.jsonl", meant)
    path, data = f"/in/rows.{end}", FILES[end](rows)
    whole = inline(path, store_with(path, data))
    assert whole.inner.read("/jobs/result.jsonl") == meant.read("/jobs/result.jsonl")
    store = store_with(path, data)
    with pytest.raises(PowerLoss):
        inline(path, store, crash_at=len(whole.deeds) // 2)
    inline(path, store)
    assert store.read("/jobs/result.jsonl") == meant.read("/jobs/result.jsonl")


@pytest.fixture(scope="module")
def rows() -> Rows:
    return make_rows(MANY)


@pytest.fixture(scope="module")
def of_json_lines(rows: Rows, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("meant")
    (folder / "rows.jsonl").write_bytes(lines(rows))
    assert start(folder, folder / "rows.jsonl").wait(GONE_S) == 0
    return (folder / "out.jsonl").read_bytes()


def start(folder: Path, source: Path) -> subprocess.Popen[bytes]:
    """The driver of the job in a folder, as the command line starts it."""
    settings = {
        "dataset_path": source,
        "export_path": folder / "out.jsonl",
        "work_dir": folder,
        "job_id": "job",
        "np": 2,
        "partition.size": 4000,
    }
    process = "[whitespace_normalization_mapper, {text_length_filter: {min_len: 20}}]"
    words = [word for key, value in settings.items() for word in (f"--{key}", str(value))]
    return subprocess.Popen(
        [sys.executable, "-m", "data_juicer", *words, "--process", process], stderr=subprocess.DEVNULL
    )


def kill_and_resume(folder: Path, source: Path) -> bytes:
    """Kill the driver when a third of the rows is committed; what the job makes when it is started again."""
    driver = start(folder, source)
    deadline_s = time.monotonic() + GONE_S
    while len(list((folder / "job/results").glob("partition_*.json"))) < MANY // 4000 // 3:
        assert driver.poll() is None, "it was over before it could be killed"
        assert time.monotonic() < deadline_s
        time.sleep(0.005)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert not (folder / "out.jsonl").exists()
    assert start(folder, source).wait(GONE_S) == 0
    return (folder / "out.jsonl").read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("end", FILES)
def test_many_rows_of_a_format_that_is_killed_resume_to_the_bytes_of_json_lines(
    end: str, rows: Rows, of_json_lines: bytes, tmp_path: Path
) -> None:
    (tmp_path / f"rows.{end}").write_bytes(FILES[end](rows))
    assert kill_and_resume(tmp_path, tmp_path / f"rows.{end}") == of_json_lines


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("end", ["warc", "warc.gz"])
def test_many_pages_that_are_killed_resume_to_the_bytes_of_an_undisturbed_job(
    end: str, rows: Rows, tmp_path: Path
) -> None:
    pytest.importorskip("warcio")
    source = tmp_path / f"pages.{end}"
    write_warc(source, rows)
    (tmp_path / "whole").mkdir()
    assert start(tmp_path / "whole", source).wait(GONE_S) == 0
    (tmp_path / "killed").mkdir()
    assert kill_and_resume(tmp_path / "killed", source) == (tmp_path / "whole/out.jsonl").read_bytes()
