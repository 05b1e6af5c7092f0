"""Whether stats are in the range that a filter keeps: one rule for columns, for single numbers and for custom filters."""

from __future__ import annotations

from typing import Any, ClassVar


class RangeParameters:
    """How a filter treats its bounds: parameters that all filters with a range share."""

    shared_parameters: ClassVar[tuple[str, ...]] = (
        "min_closed_interval",
        "max_closed_interval",
        "reversed_range",
    )

    min_closed_interval: bool = True
    """Whether a number equal to the least value is kept."""
    max_closed_interval: bool = True
    """Whether a number equal to the greatest value is kept."""
    reversed_range: bool = False
    """Keep what is outside the range instead; a closed bound is kept then too."""


def in_range(number: Any, low: Any, high: Any, filter: RangeParameters) -> Any:  # noqa: A002 - the word for it
    """Whether a number is kept; an array of numbers gives an array, shape (rows,).

    A closed bound belongs to what is kept: with `reversed_range` to the numbers outside.

    Args:
        low, high: bounds; None for one that is missing, on whose side all numbers lie inside.
    """
    reverse = bool(filter.reversed_range)
    above = below = True
    if low is not None:
        above = number >= low if filter.min_closed_interval != reverse else number > low
    if high is not None:
        below = number <= high if filter.max_closed_interval != reverse else number < high
    return (above & below) ^ reverse
