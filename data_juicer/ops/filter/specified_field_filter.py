"""Keeps rows by the value of a field."""

from __future__ import annotations

from typing import Any, ClassVar

from data_juicer.ops.bases.field_filter import FieldFilter


class SpecifiedFieldFilter(FieldFilter):
    """Filtering by field value: keeps rows whose field has one of the target values; every element of a list must be one of them.

    An empty list has none that is not, and is kept. A row without the field is an error.

    Args:
        field_key: the field; dots reach into objects, as in `meta.lang`.
        target_value: the values that are kept; empty: every row is kept.
    """

    name: ClassVar[str] = "specified_field_filter"
    shared_parameters: ClassVar[tuple[str, ...]] = ("reversed_range",)

    reversed_range: bool = False
    """Keep the rows whose field has none of the target values instead."""

    def __init__(self, field_key: str = "", target_value: list[Any] = []) -> None:  # noqa: B006 - never changed
        super().__init__(field_key)
        self.target_value = target_value

    def decide(self, value: Any) -> bool:
        if not self.target_value:
            return True
        elements = value if isinstance(value, list) else [value]
        inside = all(element in self.target_value for element in elements)
        return inside != self.reversed_range
