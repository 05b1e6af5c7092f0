"""Job ids: `{YYYYMMDD}_{HHMMSS}_{config_name}_{suffix}`, or what the user calls the job. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from data_juicer.errors import ConfigError

_USER_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")
_TIME_FORMAT: Final = "%Y%m%d_%H%M%S"
_CONFIG_NAME_LENGTH_MAX: Final = 64


def make_job_id(now: datetime, config_name: str, suffix: str) -> str:
    """A fresh id.

    Args:
        config_name: name of the recipe without its folder and extension; other characters than an id may have
            become `_`, and only the first 64 are taken.
        suffix: 4 to 6 lower-case hexadecimal digits, drawn at random by the caller.
    """
    name = _NOT_IN_A_NAME.sub("_", config_name).strip("._")[:_CONFIG_NAME_LENGTH_MAX] or "job"
    return f"{now.astimezone(UTC).strftime(_TIME_FORMAT)}_{name}_{suffix}"


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
