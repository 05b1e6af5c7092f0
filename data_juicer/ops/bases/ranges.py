"""Whether stats are in the range that a filter keeps: one rule for columns, for single numbers and for custom filters."""

from __future__ import annotations

from typing import Any, Protocol


class Bounded(Protocol):
    """How a filter treats its bounds."""

    min_closed_interval: bool
    max_closed_interval: bool
    reversed_range: bool


def in_range(figure: Any, low: Any, high: Any, filter: Bounded) -> Any:  # noqa: A002 - the word for it
    """Whether a number is kept; an array of numbers gives an array, shape (rows,).

    A closed bound belongs to what is kept: with `reversed_range` to the numbers outside.

    Args:
        low, high: bounds; None for one that is missing, on whose side all numbers lie inside.
    """
    reverse = bool(filter.reversed_range)
    above = below = True
    if low is not None:
        above = figure >= low if filter.min_closed_interval != reverse else figure > low
    if high is not None:
        below = figure <= high if filter.max_closed_interval != reverse else figure < high
    return (above & below) ^ reverse
