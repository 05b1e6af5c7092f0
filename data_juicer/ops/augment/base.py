"""The mapper that adds rows with changed texts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

import msgspec
import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from data_juicer.ops.augment import tables
from data_juicer.ops.augment.draws import Draws
from data_juicer.ops.base import Mapper

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class Method(msgspec.Struct, frozen=True):
    """One way to change a text."""

    name: str
    """Of the parameter that switches it on; part of what its draws follow from."""
    change: Callable[[str, Draws], str]
    """A text -> the text changed somewhere, or as it is where nothing can be changed."""
    table: str | None = None
    """The file of `tables` that it reads."""


class AugmentMapper(Mapper):
    """Gives each row so many rows with changed texts, after the row itself or in its place; other fields are copied.

    What is drawn follows from the job's seed, the parameters and the text, so that a row has the same changed texts
    wherever it is, in every run and after every resume.
    """

    draws: ClassVar[bool] = True

    def __init__(
        self, methods: Sequence[Method], *, sequential: bool, aug_num: int, keep_original_sample: bool
    ) -> None:
        """Raises: ValueError."""
        if aug_num < 1:
            raise ValueError(f"aug_num = {aug_num}: at least 1")
        self.methods = tuple(methods)
        self.sequential = sequential
        self.aug_num = aug_num
        self.keep_original_sample = keep_original_sample

    @abstractmethod
    def variants(self, text: str, method: Method, count: int) -> list[str]:
        """At most so many texts that one method makes of a text."""

    def assets(self) -> tuple[str, ...]:
        return tuple(tables.path_of(method.table) for method in self.methods if method.table)

    def process(self, batch: Batch) -> Batch:
        if not self.methods and self.keep_original_sample:
            return batch
        texts = [
            [text] * self.keep_original_sample + self.augmented(text)
            for text in batch.text(self.text_key).to_pylist()
        ]
        rows = np.repeat(np.arange(len(texts), dtype=np.int32), [len(each) for each in texts])
        column = pa.array([text for each in texts for text in each], pa.large_string())
        others = {key: other for key, other in batch.texts.items() if key != self.text_key}
        bare = replace(batch, texts=others, cache={})  # the text itself need not be copied first
        return bare.take(rows).with_text(self.text_key, column)

    def augmented(self, text: str) -> list[str]:
        """The changed texts of one text: of each method by itself, or of all one after another."""
        if not self.sequential:
            return [made for method in self.methods for made in self.variants(text, method, self.aug_num)]
        texts = [text] if self.methods else []
        count = self.aug_num
        for method in self.methods:
            texts = [made for each in texts for made in self.variants(each, method, count) or [each]]
            count = 1
        return texts
