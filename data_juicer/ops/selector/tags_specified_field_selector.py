"""Keeps the rows whose field holds one of some tags."""

from __future__ import annotations

from typing import Any, ClassVar

from data_juicer.ops.base import Kind
from data_juicer.ops.bases.field_filter import FieldFilter


class TagsSpecifiedFieldSelector(FieldFilter):
    """Keeps the rows whose field has one of the target tags. No other row has to be known for it, so it is no barrier.

    Args:
        field_key: the field; dots reach into objects, as in `meta.lang`.
        target_tags: the tags that are kept; texts or numbers.
    """

    name: ClassVar[str] = "tags_specified_field_selector"
    kind: ClassVar[Kind] = "selector"

    def __init__(self, field_key: str = "", target_tags: list[Any] | None = None) -> None:
        """Raises: ValueError: there is no field, or there are no tags."""
        super().__init__(field_key)
        if target_tags is None:
            raise ValueError("target_tags is missing; name the tags that are kept")
        self.target_tags = target_tags

    def decide(self, value: Any) -> bool:
        return value in self.target_tags
