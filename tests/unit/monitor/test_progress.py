from datetime import UTC, datetime, timedelta

import pytest

from data_juicer.clock import format_utc
from data_juicer.events.view import BoundaryView, JobView, RunningPartition
from data_juicer.monitor.progress import (
    format_duration,
    format_left,
    format_progress,
    format_progress_in_full,
    progress_of,
)
from data_juicer.monitor.views.work import TimeLeft
from data_juicer.store.ledger import OperatorLedger

START = datetime(2026, 3, 13, 18, 9, 11, tzinfo=UTC)
MB = 1_000_000


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def ledger(index: int, seconds: float = 0.0, dead: int = 0) -> OperatorLedger:
    return OperatorLedger(
        index=index,
        name="read" if index < 0 else f"op_{index}",
        rows_in=10,
        rows_out=10,
        duration_s=seconds,
        rows_dead_letter=dead,
    )


def a_view(passed: dict[int, int], seconds: float = 0.0, **more: object) -> JobView:
    """A run over 100 MB in 10 partitions of 100 rows, its workers ready after 5 s; each operator took `seconds`."""
    return JobView(
        run_started=START,
        work_began=format_utc(at(5)),
        rows=1000,
        partitions=10,
        size_bytes=100 * MB,
        operators={index: ledger(index, seconds if passed[index] else 0.0) for index in passed},
        passed_bytes={index: size * MB for index, size in passed.items()},
        **more,  # type: ignore[arg-type]
    )


def test_nothing_is_known_before_a_run() -> None:
    progress = progress_of(JobView(), START)
    assert (progress.share, progress.rows_per_s, progress.left, progress.elapsed_s) == (0.0, None, None, 0.0)


def test_the_start_of_workers_is_not_in_the_rate() -> None:
    progress = progress_of(a_view({-1: 50, 0: 50}, seconds=5), at(15))
    assert progress.rows_per_s == 50.0  # half of 1,000 rows in 10 s
    assert progress.bytes_per_s == 5 * MB
    assert progress.elapsed_s == 15


def test_the_rate_counts_the_work_of_this_run_alone() -> None:
    view = a_view({-1: 60, 0: 60}, seconds=5, passed_before_run=80 * MB)
    progress = progress_of(view, at(15))
    assert progress.rows_per_s == 20.0
    assert progress.share == 0.6


def test_a_run_moves_before_its_first_partition_is_finished() -> None:
    view = a_view({-1: 0, 0: 0, 1: 0, 2: 0})
    view.running[0] = RunningPartition(
        attempt="r1a1", operation_idx=2, size_bytes=50 * MB, ledgers={-1: ledger(-1), 0: ledger(0, 4.0)}
    )
    progress = progress_of(view, at(15))
    assert progress.share == 0.25
    assert progress.rows_per_s == 25.0


def test_what_was_not_committed_is_lost_with_its_driver() -> None:
    view = a_view({-1: 20, 0: 20})
    view.running[0] = RunningPartition(
        attempt="r1a1", operation_idx=1, size_bytes=50 * MB, ledgers={-1: ledger(-1), 0: ledger(0)}
    )
    progress = progress_of(view, at(15), is_alive=False)
    assert (progress.share, progress.rows_per_s, progress.left) == (0.2, None, None)


def test_summaries_for_a_dataset_operator_are_work() -> None:
    view = a_view(
        {-1: 0, 0: 0}, boundaries=[BoundaryView(operation_idx=0, partitions_done=9, passed_bytes=90 * MB)]
    )
    assert progress_of(view, at(15)).share == 0.3
    assert format_progress_in_full(progress_of(view, at(15))) == (
        " 30%, phase 1 of 2, up to op_0, 9 of 10 partitions, 30 rows/s"
    )


def test_a_dataset_operator_that_has_every_summary_compares_all_rows() -> None:
    view = a_view({-1: 0, 0: 0}, boundaries=[BoundaryView(operation_idx=0, partitions_done=10)])
    assert "phase 1 of 2, op_0 compares all rows" in format_progress_in_full(progress_of(view, at(15)))
    view.boundaries[0].is_resolved = True
    assert "phase 2 of 2, to the results, 0 of 10 partitions" in format_progress_in_full(
        progress_of(view, at(15))
    )


def test_what_is_left_costs_what_each_operator_has_cost_so_far() -> None:
    """A dear operator at the end of the recipe is not made cheap by the cheap ones before it."""
    view = a_view({-1: 100, 0: 100, 1: 10})
    view.operators = {-1: ledger(-1, 1.0), 0: ledger(0, 1.0), 1: ledger(1, 8.0)}
    left = progress_of(view, at(15)).left  # 10 s of one worker; 90 MB of the last operator are left
    assert left is not None
    assert left.low_s < 72 < left.high_s
    assert (left.low_s + left.high_s) / 2 == pytest.approx(72)


def test_an_operator_that_has_seen_no_row_widens_the_range_upwards_alone() -> None:
    known = a_view({-1: 50, 0: 50}, seconds=5)
    unknown = a_view({-1: 50, 0: 50, 1: 0}, seconds=5)
    one, other = progress_of(known, at(15)).left, progress_of(unknown, at(15)).left
    assert one is not None
    assert other is not None
    assert other.high_s > one.high_s + 10


def test_the_range_narrows_with_the_work_that_is_done() -> None:
    def width(passed: int) -> float:
        left = progress_of(a_view({-1: passed, 0: passed}, seconds=5), at(15)).left
        assert left is not None
        return left.high_s / left.low_s

    assert width(10) == pytest.approx(3.0)
    assert width(90) < width(40) < width(10)


def test_a_clock_that_was_set_back_gives_no_negative_time() -> None:
    progress = progress_of(a_view({-1: 50, 0: 50}), at(-60))
    assert (progress.elapsed_s, progress.rows_per_s, progress.left) == (0.0, None, None)


def test_a_log_of_an_earlier_version_is_reported_by_rows_and_partitions() -> None:
    assert progress_of(JobView(run_started=START), at(1)).share == 0.0
    assert progress_of(JobView(run_started=START, partitions=4, partitions_done=1), at(1)).share == 0.25
    assert progress_of(JobView(partitions=4, rows=8, rows_done=6), at(1)).share == 0.75


def test_all_of_it_is_only_reported_of_what_is_complete() -> None:
    view = a_view({-1: 100, 0: 100}, partitions_done=9)
    assert format_progress(progress_of(view, at(1000))).startswith(" 99%  9/10 partitions")
    view.partitions_done = 10
    assert format_progress(progress_of(view, at(1000))).startswith("100%  10/10 partitions")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 ms"),
        (0.0249, "25 ms"),
        (0.0996, "0.1 s"),
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


@pytest.mark.parametrize(
    ("low_s", "high_s", "text"),
    [
        (0.0, 0.4, "1 s left"),
        (2.0, 7.0, "2-7 s left"),
        (18.0, 31.0, "20-35 s left"),
        (100.0, 170.0, "2-3 min left"),
        (110.0, 115.0, "2 min left"),
        (3600.0, 7100.0, "1-2 h left"),
        (5000.0, 6000.0, "1.5-2 h left"),
        (100_000.0, 200_000.0, "1-2.5 d left"),
    ],
)
def test_a_time_left_is_a_range_in_one_unit(low_s: float, high_s: float, text: str) -> None:
    assert format_left(TimeLeft(low_s=low_s, high_s=high_s)) == text


def test_a_line_fits_eighty_columns_for_a_large_job() -> None:
    view = a_view({-1: 14, 0: 14}, seconds=300)
    view.rows, view.rows_done, view.partitions, view.partitions_done = (
        900_000_000,
        123_456_789,
        900_000,
        123_456,
    )
    line = format_progress(progress_of(view, at(3005)))
    assert line == " 14%  123,456/900,000 partitions  123,456,789 rows  42,000 rows/s  4.5-6 h left"
    assert len(line) <= 80


def test_troubles_stand_at_the_end_of_the_line_in_full_with_their_cause() -> None:
    view = a_view(
        {-1: 100, 0: 100},
        partitions_done=10,
        rows_done=1000,
        retries=3,
        retries_before_run=1,
        retry_causes={"OSError": 1, "WorkerLost in op_0": 2},
        partitions_failed={3},
    )
    view.operators[-1] = ledger(-1, dead=2)
    assert format_progress(progress_of(view, at(15))) == (
        "100%  10/10 partitions  1,000 rows  100 rows/s  1 failed  2 retries  2 dead letters"
    )
    assert format_progress_in_full(progress_of(view, at(15))).endswith(
        "1 failed, 2 retries (WorkerLost in op_0 and others), 2 dead letters (read)"
    )


@pytest.mark.parametrize(
    ("elapsed_s", "passed", "is_reported"),
    [(2.9, 90, False), (3.0, 1, False), (3.0, 2, True), (29.9, 1, False), (30.0, 1, True)],
)
def test_the_time_left_is_reported_once_the_rate_tells_something(
    elapsed_s: float, passed: int, is_reported: bool
) -> None:
    progress = progress_of(a_view({-1: passed, 0: passed}, seconds=1), at(5 + elapsed_s))
    assert (progress.left is not None) == is_reported
