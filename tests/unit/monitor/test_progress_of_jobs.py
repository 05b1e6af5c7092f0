"""Progress as the events of whole jobs tell it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from data_juicer.events import history
from data_juicer.events.view import JobView
from data_juicer.job import summary as summaries
from data_juicer.job.summary import JobStatus
from data_juicer.monitor.progress import progress_of
from data_juicer.monitor.views.phases import phase_of
from tests.support.small_job import STORE, SmallJob

NOW = datetime(2030, 1, 1, tzinfo=UTC)
PROCESS = [
    "whitespace_normalization_mapper",
    "document_deduplicator",
    {"text_length_filter": {"min_len": 2}},
    {"document_minhash_deduplicator": {"num_permutations": 16, "jaccard_threshold": 0.5}},
]


@pytest.fixture
def job(tmp_path: Path) -> SmallJob:
    made = SmallJob(tmp_path, PROCESS, {"partition": {"size": 10}})
    made.write({"text": f"row number {n % 30} of a job with many words {n}"} for n in range(40))
    return made


def lose(job: SmallJob, *partitions: int) -> None:
    """As if the run had ended before these were committed."""
    for partition in partitions:
        Path(job.layout.result_manifest(partition)).unlink()
    Path(job.layout.results_manifest).unlink()


def test_a_job_of_two_dataset_operators_goes_through_three_phases_and_never_back(job) -> None:
    job.run()
    view, shares, phases = JobView(), [], []
    for record in history.read_records(STORE, job.layout):
        view.apply(record)
        if view.partitions:
            shares.append(progress_of(view, NOW).share)
            phases.append(phase_of(view).number)
    assert shares == sorted(shares)
    assert phases == sorted(phases)
    assert set(phases) == {1, 2, 3}
    assert shares[-1] == 1.0
    assert len(set(shares)) > 20  # it moves with every operator of a partition
    steps = len(PROCESS) + 1 + 2
    assert view.passed_in_all == view.size_bytes * steps  # each byte was counted once for each step
    assert view.size_bytes == (job.folder / "in.jsonl").stat().st_size


@pytest.mark.parametrize("strategy", ["every_op", "disabled"])
def test_a_resumed_run_begins_with_the_share_that_is_committed(job, strategy) -> None:
    job.run(checkpoint={"strategy": strategy})
    whole = progress_of(history.read_view(STORE, job.layout), NOW)
    lose(job, 1, 2)
    job.run(checkpoint={"strategy": strategy})
    starts, view = [], JobView()
    for record in history.read_records(STORE, job.layout):
        view.apply(record)
        if type(record.event).__name__ == "ProcessingStart":
            starts.append((progress_of(view, NOW).share, phase_of(view).number))
    assert starts[0] == (0.0, 1)
    assert starts[1][1] == 3
    assert 0.5 < starts[1][0] < 1.0
    assert progress_of(view, NOW).share == whole.share == 1.0


def test_a_run_that_was_killed_has_a_line_in_the_log_of_the_next(job) -> None:
    job.run()
    summary = summaries.load(STORE, job.layout)
    cut = msgspec.structs.replace(summary.runs[0], stopped=None)  # as a killed driver leaves it
    summaries.write(
        STORE, job.layout, msgspec.structs.replace(summary, runs=(cut,), status=JobStatus.RUNNING)
    )
    lose(job, 1)
    job.run()
    (line,) = [
        line for line in Path(job.layout.events_log).read_text().splitlines() if "without a record" in line
    ]
    assert "run 2 | run 1 (pid " in line
    assert "last heard of at 20" in line


def test_a_run_that_ended_in_order_has_no_such_line(job) -> None:
    job.run()
    lose(job, 1)
    job.run()
    assert "without a record" not in Path(job.layout.events_log).read_text()
