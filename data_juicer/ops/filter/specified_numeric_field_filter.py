"""Keeps rows by the number in a field."""

from __future__ import annotations

import sys
from typing import Any, ClassVar

from data_juicer.ops.bases.field_filter import FieldFilter
from data_juicer.ops.bases.ranges import RangeParameters, in_range


class SpecifiedNumericFieldFilter(RangeParameters, FieldFilter):
    """Filtering by numeric field: keeps rows whose field holds a number between `min_value` and `max_value`.

    A string that Python reads as a number counts as one ("1e3", " 8 "); rows with anything else are dropped, also with
    `reversed_range`. A row without the field is an error.

    Args:
        field_key: the field; dots reach into objects, as in `meta.score`.
        min_value: least number.
        max_value: greatest number.
    """

    name: ClassVar[str] = "specified_numeric_field_filter"
    version: ClassVar[int | str] = 2
    keep_attributes: ClassVar[frozenset[str]] = frozenset(
        {"min_value", "max_value", *RangeParameters.shared_parameters}
    )

    def __init__(
        self,
        field_key: str = "",
        min_value: float | None = -sys.maxsize,
        max_value: float | None = sys.maxsize,
    ) -> None:
        super().__init__(field_key)
        self.min_value = min_value
        self.max_value = max_value

    def decide(self, value: Any) -> bool:
        number = _number(value)
        if number is None or number != number:  # noqa: PLR0124 - NaN; math.isnan fails for integers beyond floats
            return False
        return bool(in_range(number, self.min_value, self.max_value, self))


def _number(value: Any) -> float | None:
    """The number that a value holds; integers stay exact. None where it holds none."""
    if isinstance(value, int):
        return value
    if isinstance(value, float | str):
        try:
            return float(value)
        except ValueError:
            return None
    return None
