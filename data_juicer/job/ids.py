"""Job ids: `{YYYYMMDD}_{HHMMSS}_{config_name}_{suffix}`, or what the user calls the job. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from data_juicer.errors import ConfigError

_USER_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_MADE_ID: Final = re.compile(r"(\d{8}_\d{6})_(.+)_([0-9a-f]{4,6})", re.DOTALL)
_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")
_TIME_FORMAT: Final = "%Y%m%d_%H%M%S"
_CONFIG_NAME_LENGTH_MAX: Final = 64


class MadeJobId(msgspec.Struct, frozen=True, kw_only=True):
    """What an id that data_juicer made says."""

    started: datetime
    config_name: str
    suffix: str


def make_job_id(now: datetime, config_name: str, suffix: str) -> str:
    """A fresh id.

    Args:
        config_name: name of the recipe without its folder and extension; other characters than an id may have
            become `_`, and only the first 64 are taken.
        suffix: 4 to 6 lower-case hexadecimal digits, drawn at random by the caller.
    """
    name = _NOT_IN_A_NAME.sub("_", config_name).strip("._")[:_CONFIG_NAME_LENGTH_MAX] or "job"
    return f"{now.astimezone(UTC).strftime(_TIME_FORMAT)}_{name}_{suffix}"


def find_made_job_id(job_id: str) -> MadeJobId | None:
    """The parts of an id that `make_job_id` made; None for one that a user chose."""
    match = _MADE_ID.fullmatch(job_id)
    if match is None:
        return None
    moment, config_name, suffix = match.groups()
    try:
        started = datetime.strptime(moment, _TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:  # eight and six digits, but no date
        return None
    return MadeJobId(started=started, config_name=config_name, suffix=suffix)


def check_job_id(job_id: str) -> str:
    """The id itself, when it may name a directory.

    Raises: ConfigError: it has other characters, is empty, too long, or starts with a dot or a dash.
    """
    if _USER_ID.fullmatch(job_id):
        return job_id
    shown = ascii(job_id if len(job_id) <= 40 else f"{job_id[:40]}...")
    raise ConfigError(
        f"job_id: {shown} ({len(job_id)} characters) is no job id. "
        "An id has 1 to 128 characters from A-Z a-z 0-9 . _ - and does not begin with a dot or a dash. Nothing was created."
    )
