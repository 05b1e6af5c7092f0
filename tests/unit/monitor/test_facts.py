from __future__ import annotations

from typing import Any

import msgspec
import pytest

from data_juicer.events.view import JobView
from data_juicer.job.layout import JobLayout
from data_juicer.job.summary import JobCounts, JobStatus, JobSummary, RunRecord
from data_juicer.monitor.facts import job_facts, operator_lines
from data_juicer.plan.resume.committed import CommittedWork
from data_juicer.store.ledger import OperatorLedger

LAYOUT = JobLayout.of("work", "J")
RUN = RunRecord(
    number=1,
    started="2026-03-13T18:00:00.000000Z",
    stopped="2026-03-13T18:00:42.000000Z",
    host="node7",
    pid=4711,
    outcome=JobStatus.COMPLETED,
    resume_command="x",
)
SUMMARY = JobSummary(
    job_id="J",
    status=JobStatus.COMPLETED,
    created=RUN.started,
    updated=RUN.started,
    config={},
    config_digest="",
    resume_command="dj-process --config r.yaml --job_id J",
    runs=(RUN,),
    counts=JobCounts(partitions=50, partitions_done=50, rows=10_000, rows_done=10_000, rows_out=8_123),
    export_path="out/a.jsonl",
    directories=LAYOUT.directories(),
    versions={},
)
HALF = JobView(partitions=50, partitions_done=12, rows=10_000, rows_done=2_400, partitions_failed={12})


COMMITTED = CommittedWork(partitions=50, rows=10_000, partitions_done=12, rows_done=2_400, checkpoints={})


def facts(
    view: JobView, committed: CommittedWork | None = COMMITTED, *, is_alive: bool = False, **changes: object
) -> list[tuple[str, str]]:
    summary = msgspec.structs.replace(SUMMARY, **changes)
    return [(fact.name, fact.text) for fact in job_facts(summary, view, LAYOUT, committed, is_alive=is_alive)]


def test_a_completed_job_says_how_long_how_many_and_where() -> None:
    assert facts(JobView()) == [
        ("completed", "in 42 s"),
        ("rows", "10,000 in, 8,123 out"),
        ("result", "out/a.jsonl"),
        ("job", "work/J"),
        ("events", "work/J/event_logs/events.log"),
        ("resume", "dj-process --config r.yaml --job_id J"),
    ]


def test_a_failed_job_says_why_and_what_is_safe() -> None:
    found = facts(HALF, status=JobStatus.FAILED, reason="partition 12 gave out:\nboom")
    assert found[:2] == [
        ("failed", "partition 12 gave out: boom"),
        ("safe", "12 of 50 partitions committed, 1 failed (2,400 of 10,000 rows)"),
    ]
    assert found[-1] == ("resume", "dj-process --config r.yaml --job_id J")


def test_a_job_whose_driver_was_killed_is_interrupted() -> None:
    view = JobView(partitions=50, partitions_done=12, rows=10_000, rows_done=2_400, last_error="x: y")
    found = facts(view, status=JobStatus.RUNNING)
    assert found[:2] == [
        (
            "interrupted",
            "run 1 (pid 4711 on node7) ended without a record: it was killed, or its machine stopped",
        ),
        ("last error", "x: y"),
    ]


def test_a_job_that_runs_says_where() -> None:
    assert facts(HALF, status=JobStatus.RUNNING, is_alive=True)[0] == (
        "running",
        "run 1, pid 4711 on node7, since 2026-03-13T18:00:00.000000Z",
    )


@pytest.mark.parametrize(
    ("committed", "reported"),
    [
        ({"partitions_done": 3, "rows_done": 600}, "3 of 50 partitions committed (600 of 10,000 rows)"),
        (
            {"partitions_done": 0, "rows_done": 0, "checkpoints": {1: 40, 2: 1}},
            (
                "0 of 50 partitions committed (0 of 10,000 rows); "
                "41 others have checkpoints, up to operator 3 of 4 (fix_unicode_mapper)"
            ),
        ),
        (
            {"partitions": None, "rows": 0, "partitions_done": 3, "checkpoints": {9: 1}},
            "3 partitions committed; 1 other has checkpoints, up to operator 10 of 4",
        ),
        ({"partitions": None, "rows": 0, "partitions_done": 0}, None),
    ],
)
def test_what_is_safe_is_reported_from_manifests_or_not_at_all(
    committed: dict[str, Any], reported: str | None
) -> None:
    process = ["a_mapper", {"b_mapper": {}}, "fix_unicode_mapper", "d_filter"]
    work = msgspec.structs.replace(COMMITTED, **committed)
    found = dict(facts(JobView(), work, status=JobStatus.STOPPED, config={"process": process}))
    assert found.get("safe") == reported


def test_dead_letters_are_named_with_their_place() -> None:
    counts = msgspec.structs.replace(SUMMARY.counts, rows_dead_letter=1)
    assert ("dead letters", "1 row in work/J/dead_letter") in facts(JobView(), counts=counts)


def test_the_share_of_checkpoints_is_of_the_time_of_workers() -> None:
    operators = {0: OperatorLedger(index=0, name="a", rows_in=1, rows_out=1, duration_s=9.7)}
    view = JobView(checkpoints_saved=400, checkpoint_s=0.3, checkpoint_bytes=12_340_000, operators=operators)
    assert ("checkpoints", "400 saved, 12.3 MB, in 0.3 s beside 9.7 s of operators (3.0%)") in facts(view)


def test_lines_of_operators_stand_in_the_order_of_the_recipe() -> None:
    ledgers = [
        OperatorLedger(
            index=1,
            name="b",
            rows_in=10,
            rows_out=5,
            rows_filtered=2,
            rows_duplicate=2,
            rows_dead_letter=1,
            duration_s=2.0,
            text_bytes=5_000_000,
        ),
        OperatorLedger(index=0, name="a", rows_in=10, rows_out=10, duration_s=0.0, text_bytes=5),
    ]
    first, second = operator_lines(ledgers)
    assert (first.name, first.mb_per_s, first.rows_filtered) == ("a", None, 0)
    assert (second.name, second.mb_per_s, second.rows_filtered) == ("b", 2.5, 2)
    assert (second.rows_duplicate, second.rows_dead_letter) == (2, 1)
