"""An executor that does its own work, as docs/extending.md shows it, is a job to everybody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_juicer.api import load_job
from data_juicer.config.config import load_recipe
from data_juicer.config.schema import JobConfig
from data_juicer.errors import JobLockedError, ResumeRefusedError
from data_juicer.events import types as t
from data_juicer.events.history import read_records
from data_juicer.job.summary import JobStatus

ROOT = Path(__file__).parents[3]


@pytest.fixture
def executor() -> Callable[[Callable[[bytes], bytes | None]], Any]:
    """The executor of the page, given its function."""
    page = (ROOT / "docs" / "extending.md").read_text()
    (source,) = re.findall(r"```python own_executor\.py\n(.*?)```", page, re.DOTALL)
    lines = source.partition('if __name__ == "__main__":')[0].splitlines()
    assert len([line for line in lines if line]) <= 48
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    return lambda function: names["FunctionExecutor"]("short_lines", function)


def config_in(folder: Path, **settings: Any) -> JobConfig:
    path = folder / "in.jsonl"
    path.write_text("".join(f'{{"text": "row {number}"}}\n' for number in range(250)))
    given = {"dataset_path": str(path), "export_path": str(folder / "work" / "out.jsonl"), "job_id": "own"}
    return load_recipe({**given, **settings}, {}, {})


def events_of(folder: Path) -> list[Any]:
    job = load_job("own", str(folder / "work"))
    return [record.event for record in read_records(job.store, job.layout)]


def drop_even(line: bytes) -> bytes | None:
    return line if int(re.findall(rb"\d+", line)[0]) % 2 else None


def test_its_job_is_complete_with_summary_counts_and_events(executor: Any, tmp_path: Path) -> None:
    summary = executor(drop_even).run(config_in(tmp_path))
    assert summary.status is JobStatus.COMPLETED
    counts = summary.counts
    assert (counts.partitions_done, counts.partitions, counts.rows_done, counts.rows_out) == (3, 3, 250, 125)
    assert (tmp_path / "work" / "out.jsonl").read_bytes().count(b"\n") == 125
    kinds = [type(event) for event in events_of(tmp_path)]
    assert kinds[:2] == [t.JobStart, t.ProcessingStart]
    assert kinds[-2:] == [t.ProcessingComplete, t.JobComplete]
    assert kinds.count(t.PartitionStart) == kinds.count(t.PartitionComplete) == kinds.count(t.OpComplete) == 3
    assert load_job("own", str(tmp_path / "work")).view.operators[0].rows_filtered == 125


def test_what_it_raises_fails_the_job_and_the_next_run_does_the_rest(executor: Any, tmp_path: Path) -> None:
    calls: list[bytes] = []

    def failing(line: bytes) -> bytes:
        calls.append(line)
        if len(calls) == 150:
            raise ValueError("the 150th")
        return line

    with pytest.raises(ValueError, match="the 150th"):
        executor(failing).run(config_in(tmp_path))
    job = load_job("own", str(tmp_path / "work"))
    assert (job.summary.status, job.summary.reason) == (JobStatus.FAILED, "the 150th")
    assert job.summary.counts.partitions_done == 1
    summary = executor(failing).run(config_in(tmp_path))
    assert len(calls) == 150 + 150  # the first hundred are not done again
    assert (summary.counts.partitions_done, summary.counts.rows_out, len(summary.runs)) == (3, 250, 2)
    kinds = [type(event) for event in events_of(tmp_path)]
    assert (kinds.count(t.JobStart), kinds.count(t.JobFailed), kinds.count(t.JobComplete)) == (1, 1, 1)


def test_other_settings_are_no_resume(executor: Any, tmp_path: Path) -> None:
    executor(drop_even).run(config_in(tmp_path))
    other = config_in(tmp_path, process=["clean_email_mapper"])
    (refusal,) = executor(drop_even).validate_resume(other)
    assert "begun with other operators or settings" in refusal
    assert executor(drop_even).validate_resume(config_in(tmp_path)) == ()
    with pytest.raises(ResumeRefusedError, match="a job_id of its own"):
        executor(drop_even).run(other)


def test_a_second_driver_is_refused(executor: Any, tmp_path: Path) -> None:
    config = config_in(tmp_path)
    with (
        executor(drop_even).logged_job(config, partitions=3, rows=250),
        pytest.raises(JobLockedError),
        executor(drop_even).logged_job(config, partitions=3, rows=250),
    ):
        pytest.fail("two drivers have one job")


def test_directories_elsewhere_are_made_and_claimed(executor: Any, tmp_path: Path) -> None:
    elsewhere = {"event_log_dir": str(tmp_path / "fast"), "checkpoint_dir": str(tmp_path / "large")}
    executor(drop_even).run(config_in(tmp_path, **elsewhere))
    assert (tmp_path / "fast" / "own" / "event_logs" / "events.jsonl").stat().st_size
    assert (tmp_path / "large" / "own" / "job_claim.json").exists()
