"""Numbers as people read them. Pure."""

from __future__ import annotations

from typing import Final

_BYTE_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB")
_COUNT_UNITS: Final = ("", " M", " G", " T")


def format_bytes(size_bytes: float) -> str:
    """Powers of 1,000: `0 B`, `812 B`, `2.1 MB`, `123 GB`."""
    size, unit = float(size_bytes), 0
    while size >= 999.5 and unit < len(_BYTE_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    digits = 1 if unit and size < 99.95 else 0
    return f"{size:,.{digits}f} {_BYTE_UNITS[unit]}"


def format_count(count: int) -> str:
    """Exact below a million: `999,999`, `1.2 M`, `345 M`, `2.0 G`."""
    if count < 1_000_000:
        return f"{count:,}"
    size, unit = count / 1_000_000, 1
    while size >= 999.5 and unit < len(_COUNT_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:,.{1 if size < 99.95 else 0}f}{_COUNT_UNITS[unit]}"


def plural(count: int, noun: str) -> str:
    """`1 row`, `4,000 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
