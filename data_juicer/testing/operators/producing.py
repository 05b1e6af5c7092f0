"""Operators that make files and read them again, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from data_juicer.ops.base import Mapper

if TYPE_CHECKING:
    from data_juicer.ops.context import OperatorContext
    from data_juicer.rows.batch import Batch


class _WithContext(Mapper):
    context: OperatorContext

    def prepare(self, context: OperatorContext | None = None) -> None:
        if context is not None:
            self.context = context


class WrittenFileMapper(_WithContext):
    """Writes the text of each row into a file, and refers to it under `file`."""

    name: ClassVar[str] = "written_file_mapper"

    def process(self, batch: Batch) -> Batch:
        texts = batch.text(self.text_key).to_pylist()
        return batch.with_column("file", [self.context.produce(text.encode(), ".txt") for text in texts])


class ReadFileMapper(_WithContext):
    """Reads the file that a row refers to into `content`."""

    name: ClassVar[str] = "read_file_mapper"

    def text_keys_read(self) -> tuple[str, ...]:
        return ()

    def process(self, batch: Batch) -> Batch:
        return batch.with_column(
            "content", [self.context.read(path).decode() for path in batch.column("file")]
        )
