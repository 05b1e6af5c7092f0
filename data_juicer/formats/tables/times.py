"""Dates, times and durations of Arrow as text, over the whole range of their integers. Pure.

Python's own values hold the years 1 to 9999 only, days below 24 hours and no nanoseconds. Within those bounds the text
is that of `isoformat`; other years are written as ISO 8601 has it, with a sign (`+12026-01-01`, `-0043-03-15`).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import lru_cache
from typing import Final

import pyarrow as pa

PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - the zone is added where there is one
_EPOCH_DAY: Final = dt.date(1970, 1, 1).toordinal()
_DAY_S: Final = 86_400
_MIN_S: Final = (1 - _EPOCH_DAY) * _DAY_S
_MAX_S: Final = (dt.date.max.toordinal() + 1 - _EPOCH_DAY) * _DAY_S
"""Seconds [_MIN_S, _MAX_S) are the years 1 to 9999."""


def timestamp_text(value: int, unit: str, zone: str | None) -> str:
    """ISO 8601 with the offset of the zone at that time; in UTC where the zone is unknown here or Python has no value."""
    second, nanosecond = _split(value, unit)
    moment = _moment(second, zone)
    if moment is None:
        days, second_of_day = divmod(second, _DAY_S)
        end = "" if zone is None else "+00:00"
        return f"{_civil(days)}T{_clock(second_of_day)}{_fraction(nanosecond)}{end}"
    whole = moment.replace(tzinfo=None).isoformat()
    return f"{whole}{_fraction(nanosecond)}{moment.isoformat()[len(whole) :]}"


def _moment(second: int, zone: str | None) -> dt.datetime | None:
    """None: outside of the years that Python has, in UTC or in the zone."""
    if not _MIN_S <= second < _MAX_S:
        return None
    moment = _EPOCH + dt.timedelta(seconds=second)
    try:
        return moment if zone is None else moment.replace(tzinfo=dt.UTC).astimezone(_zone(zone))
    except OverflowError:
        return None


def date_text(days: int) -> str:
    return _civil(days)


def time_text(value: int, unit: str) -> str:
    """`HH:MM:SS`; hours go on beyond 23, and a minus is before what is less than zero."""
    second, nanosecond = _split(abs(value), unit)
    return f"{'-' if value < 0 else ''}{_clock(second)}{_fraction(nanosecond)}"


def duration_text(value: int, unit: str) -> str:
    """Seconds as JSON: a number, or a string of its digits where no double is exactly the duration."""
    exact = Decimal(value).scaleb(-{"s": 0, "ms": 3, "us": 6, "ns": 9}[unit])
    short = repr(value / PER_SECOND[unit])
    return short if Decimal(short) == exact else f'"{exact:f}"'


def _split(value: int, unit: str) -> tuple[int, int]:
    """Seconds and nanoseconds."""
    per_second = PER_SECOND[unit]
    second, rest = divmod(value, per_second)
    return second, rest * (10**9 // per_second)


def _fraction(nanosecond: int) -> str:
    """Six digits, nine where six are not enough, none for a whole second."""
    if not nanosecond:
        return ""
    microsecond, rest = divmod(nanosecond, 1000)
    return f".{microsecond:06d}" if not rest else f".{nanosecond:09d}"


def _clock(second: int) -> str:
    minutes, seconds = divmod(second, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}"


def _civil(days: int) -> str:
    """The date so many days after 1970-01-01 in the proleptic Gregorian calendar.

    Source of the arithmetic: eras of 400 years, 146,097 days each, that begin on 1 March.
    """
    ordinal = days + _EPOCH_DAY
    if 1 <= ordinal <= dt.date.max.toordinal():
        return dt.date.fromordinal(ordinal).isoformat()
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    year = year_of_era + era * 400 + (month <= 2)
    sign = "-" if year < 0 else "+" if year > 9999 else ""
    return f"{sign}{abs(year):04d}-{month:02d}-{day:02d}"


@lru_cache(maxsize=64)
def _zone(name: str) -> dt.tzinfo:
    """UTC for a zone that this machine does not know: the moment stays the same."""
    try:
        found: dt.tzinfo = pa.lib.string_to_tzinfo(name)
    except Exception:  # of zoneinfo, pytz or Arrow, whichever is asked
        return dt.UTC
    return found
