"""Core-hours, bytes and their price: folds over the events of several runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from data_juicer.clock import format_utc
from data_juicer.events import payloads
from data_juicer.events import types as t
from data_juicer.events.view import JobView
from data_juicer.monitor.views.costs import (
    Prices,
    costs_of,
    format_amount,
    format_core_time,
    format_costs,
    format_hours,
    prices_of,
)
from tests.support import sample_events

START = datetime(2026, 3, 13, tzinfo=UTC)


class Log:
    def __init__(self) -> None:
        self.view = JobView()
        self._seq = 0

    def at(self, seconds: float, run: int, event: t.AnyEvent) -> None:
        self._seq += 1
        ts = format_utc(START + timedelta(seconds=seconds))
        self.view.apply(t.Record(seq=self._seq, ts=ts, run=run, event=event))


def plan() -> t.ProcessingStart:
    return t.ProcessingStart(data=sample_events.plan())  # two workers


def end() -> t.ProcessingComplete:
    return t.ProcessingComplete(duration_s=1.0, rows=1, data=payloads.Outcome(rows_in=1))


def hours(view: JobView, seconds: float, *, is_alive: bool = False) -> float:
    return costs_of(view, Prices(), START + timedelta(seconds=seconds), is_alive=is_alive).core_hours


def test_workers_count_from_the_plan_to_the_end_busy_or_not() -> None:
    log = Log()
    log.at(0, 1, plan())
    assert hours(log.view, 1800, is_alive=True) == 1.0
    log.at(3600, 1, end())
    log.at(3600, 1, t.JobComplete(duration_s=1.0, rows=1, data=payloads.Outcome(rows_in=1)))
    assert hours(log.view, 9999) == 2.0


def test_a_run_that_was_killed_counts_until_it_was_last_heard_of() -> None:
    log = Log()
    log.at(0, 1, plan())
    log.at(1800, 1, t.DebugNotice(message="still here"))
    assert hours(log.view, 9999) == 1.0
    log.at(7200, 2, t.InfoNotice(message="run 1 ended without a record"))
    log.at(7200, 2, plan())
    log.at(9000, 2, end())
    assert hours(log.view, 9999) == 2.0


def test_cpu_counts_from_the_begin_of_the_run_and_between_samples() -> None:
    def usage(share: float) -> t.ResourceUsage:
        process = payloads.ProcessSample(role="worker", pid=1, cpu_share=share, memory_bytes=1)
        return t.ResourceUsage(data=payloads.ResourceSample(processes=(process, process)))

    log = Log()
    log.at(0, 1, plan())
    log.at(10, 1, usage(0.5))
    log.at(20, 1, usage(1.0))
    assert log.view.cpu_s == 30.0
    log.at(500, 2, plan())
    log.at(510, 2, usage(1.0))
    assert log.view.cpu_s == 50.0


def test_bytes_are_read_once_an_attempt_and_written_with_each_commit() -> None:
    log = Log()
    log.at(0, 1, plan())
    for attempt in ("r1a1", "r1a2"):
        start = payloads.AttemptStart(size_bytes=1000)
        log.at(1, 1, t.PartitionStart(partition_id=0, attempt=attempt, data=start))
    outcome = payloads.AttemptOutcome(rows_in=1, size_bytes=700)
    done = t.PartitionComplete(partition_id=0, attempt="r1a2", duration_s=1.0, rows=1, data=outcome)
    log.at(2, 1, done)
    costs = costs_of(log.view, Prices(gb_read=1e6, gb_written=1e7), START, is_alive=True)
    assert (costs.read_bytes, costs.written_bytes) == (2000, 700)
    assert costs.amount == 2.0 + 7.0


def test_an_amount_is_shown_where_a_price_is_set() -> None:
    log = Log()
    log.at(0, 1, plan())
    log.at(3600, 1, end())
    free = costs_of(log.view, Prices(), START, is_alive=False)
    assert format_costs(free) == "2 core-hours, 0 B read, 0 B written"
    paid = costs_of(log.view, Prices(core_hour=0.04, currency="EUR"), START, is_alive=False)
    assert format_costs(paid) == "2 core-hours, 0 B read, 0 B written: 0.08 EUR"


@pytest.mark.parametrize(
    ("config", "price"),
    [({}, 0.0), ({"cost": {"core_hour": 0.5}}, 0.5), ({"cost": {"core_hour": "x"}}, 0.0), ({"cost": 3}, 0.0)],
)
def test_settings_of_earlier_versions_or_damaged_ones_have_no_price(config, price) -> None:
    assert prices_of(config).core_hour == price


@pytest.mark.parametrize(
    ("hours", "text"), [(0, "0"), (0.01234, "0.0123"), (12.34, "12.3"), (123456, "123,456")]
)
def test_hours_have_three_digits(hours, text) -> None:
    assert format_hours(hours) == text


def test_a_short_job_is_reported_in_seconds() -> None:
    assert format_core_time(0.1) == "0.1 core-hours"
    assert format_core_time(27 / 3600) == "27 core-seconds"


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0.00 EUR"), (0.001234, "0.0012 EUR"), (1.5, "1.50 EUR"), (12345.678, "12,345.68 EUR")],
)
def test_small_amounts_are_not_rounded_away(amount, text) -> None:
    assert format_amount(amount, "EUR") == text
