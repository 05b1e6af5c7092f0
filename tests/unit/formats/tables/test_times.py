from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_juicer.formats.tables.times import date_text, duration_text, time_text, timestamp_text

INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63) + 1, 2**63 - 1)
UNITS = st.sampled_from(["s", "ms", "us", "ns"])
SECONDS = st.integers(-(2**53), 2**53)


@pytest.mark.parametrize(
    ("value", "unit", "zone", "text"),
    [
        (0, "s", None, "1970-01-01T00:00:00"),
        (1_500_000, "us", None, "1970-01-01T00:00:01.500000"),
        (1_500_000_001, "ns", "UTC", "1970-01-01T00:00:01.500000001+00:00"),
        (0, "s", "Europe/Berlin", "1970-01-01T01:00:00+01:00"),
        (0, "s", "-02:30", "1969-12-31T21:30:00-02:30"),
        (253_402_300_799, "s", None, "9999-12-31T23:59:59"),
        (253_402_300_800, "s", None, "+10000-01-01T00:00:00"),
        (253_402_300_799, "s", "Europe/Berlin", "9999-12-31T23:59:59+00:00"),
        (-62_135_596_801, "s", None, "0000-12-31T23:59:59"),
        (-62_167_219_201, "s", "UTC", "-0001-12-31T23:59:59+00:00"),
        (0, "s", "Mars/Phobos", "1970-01-01T00:00:00+00:00"),
    ],
)
def test_times_have_a_text_also_where_python_has_no_value(
    value: int, unit: str, zone: str | None, text: str
) -> None:
    assert timestamp_text(value, unit, zone) == text


@given(INT32)
def test_dates_are_those_of_numpy(days: int) -> None:
    assert date_text(days).lstrip("+") == str(np.datetime64(days, "D"))


@given(SECONDS)
def test_times_are_those_of_numpy(seconds: int) -> None:
    assert timestamp_text(seconds, "s", None).lstrip("+") == str(np.datetime64(seconds, "s"))


@given(st.integers(-62_135_596_800 * 10**6, 253_402_300_799 * 10**6))
def test_times_that_python_has_are_those_of_isoformat(microseconds: int) -> None:
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=microseconds)
    assert timestamp_text(microseconds, "us", "UTC") == moment.isoformat()


@given(INT64, UNITS)
def test_a_duration_is_exact(value: int, unit: str) -> None:
    from decimal import Decimal

    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    assert Decimal(duration_text(value, unit).strip('"')) * per_second == value


def test_times_of_day_go_beyond_the_day() -> None:
    assert time_text(90_000, "s") == "25:00:00"
    assert time_text(-1, "ms") == "-00:00:00.001000"
    assert time_text(1, "ns") == "00:00:00.000000001"
