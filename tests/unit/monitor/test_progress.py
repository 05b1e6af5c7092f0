from datetime import UTC, datetime, timedelta

import pytest

from data_juicer.events.view import JobView
from data_juicer.monitor.progress import format_duration, format_progress, progress_of

START = datetime(2026, 3, 13, 18, 9, 11, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_nothing_is_known_before_a_run() -> None:
    progress = progress_of(JobView(), START)
    assert (progress.share, progress.rows_per_s, progress.left_s, progress.elapsed_s) == (
        0.0,
        None,
        None,
        0.0,
    )


def test_the_rate_counts_the_rows_of_this_run_alone() -> None:
    view = JobView(run_started=START, rows=1000, rows_done=600, rows_done_before_run=400, partitions=10)
    progress = progress_of(view, at(10))
    assert (progress.rows_per_s, progress.left_s, progress.share) == (20.0, 20.0, 0.6)


def test_a_run_that_has_done_nothing_yet_has_no_rate() -> None:
    view = JobView(run_started=START, rows=1000, rows_done=400, rows_done_before_run=400)
    progress = progress_of(view, at(10))
    assert (progress.rows_per_s, progress.left_s, progress.share) == (None, None, 0.4)


def test_a_clock_that_was_set_back_gives_no_negative_time() -> None:
    progress = progress_of(JobView(run_started=START, rows=10, rows_done=5), at(-60))
    assert (progress.elapsed_s, progress.rows_per_s) == (0.0, None)


def test_a_job_without_rows_is_told_by_its_partitions() -> None:
    assert progress_of(JobView(run_started=START), at(1)).share == 0.0
    assert progress_of(JobView(run_started=START, partitions=4, partitions_done=1), at(1)).share == 0.25


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (3599.6, "1 h 00 min"),
        (7800, "2 h 10 min"),
        (86399, "23 h 59 min"),
        (86400, "1 d 00 h"),
    ],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_a_line_fits_eighty_columns_for_a_large_job() -> None:
    view = JobView(
        run_started=START,
        rows=900_000_000,
        rows_done=123_456_789,
        partitions=900_000,
        partitions_done=123_456,
    )
    line = format_progress(progress_of(view, at(3000)))
    assert line == " 14%  123,456/900,000 partitions  123,456,789 rows  41,152 rows/s  5 h 14 min left"
    assert len(line) <= 82


def test_troubles_stand_at_the_end_of_the_line() -> None:
    view = JobView(
        run_started=START,
        rows=100,
        rows_done=100,
        partitions=1,
        partitions_done=1,
        retries=1,
        partitions_failed={3},
    )
    assert format_progress(progress_of(view, at(10))) == (
        "100%  1/1 partitions  100 rows  10 rows/s  1 failed  1 retry"
    )


@pytest.mark.parametrize(
    ("elapsed_s", "rows_done", "is_told"),
    [(2.9, 900, False), (3.0, 119, False), (3.0, 120, True), (29.9, 101, False), (30.0, 101, True)],
)
def test_the_time_left_is_told_once_the_rate_tells_something(
    elapsed_s: float, rows_done: int, is_told: bool
) -> None:
    started = datetime(2026, 3, 13, tzinfo=UTC)
    view = JobView(
        run_started=started, rows=1100, partitions=110, rows_done=rows_done, rows_done_before_run=100
    )
    progress = progress_of(view, started + timedelta(seconds=elapsed_s))
    assert (progress.left_s is not None) == is_told
