"""Keeps the rows whose field holds one of some tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from data_juicer.ops.base import Kind, Mapper
from data_juicer.rows.field_columns import Distinct, raw_field

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class TagsSpecifiedFieldSelector(Mapper):
    """Selection by tag: keeps the rows whose field has one of the target tags. It needs no other rows, so it is not a dataset operator.

    Args:
        field_key: the field; dots reach into objects, as in `meta.lang`.
        target_tags: the tags that are kept; texts or numbers.
    """

    name: ClassVar[str] = "tags_specified_field_selector"
    kind: ClassVar[Kind] = "selector"
    version: ClassVar[int | str] = 2

    def __init__(self, field_key: str = "", target_tags: list[Any] | None = None) -> None:
        """Raises: ValueError: there is no field, or there are no tags."""
        if not field_key:
            raise ValueError("field_key is empty; name the field that decides")
        if target_tags is None:
            raise ValueError("target_tags is missing; name the tags that are kept")
        self.field_key = field_key
        self.target_tags = target_tags

    def text_keys_read(self) -> tuple[str, ...]:
        return ()

    def process(self, batch: Batch) -> Batch:
        values = Distinct.of(raw_field(batch, self.field_key))
        return batch.select(values.where(lambda value: value in self.target_tags))
