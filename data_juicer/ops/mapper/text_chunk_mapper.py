"""Texts cut into rows of their parts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from data_juicer.kernels.characters.codepoints import Bytes, byte_offsets, bytes_of, lengths, offsets_of
from data_juicer.kernels.patterns.replace import PYTHON_SPACES
from data_juicer.kernels.patterns.timed import TimedPattern
from data_juicer.ops.base import Mapper
from data_juicer.ops.resources.tokens import Tokens

if TYPE_CHECKING:
    from data_juicer.ops.context import OperatorContext
    from data_juicer.rows.batch import Batch, Rows

_MAY_BE_SPACE: Final = np.isin(np.arange(256), [space.encode()[0] for space in PYTHON_SPACES])
"""Bytes with which white space begins."""
Window = TypeVar("Window", str, list[int])


class TextChunkMapper(Mapper):
    r"""Text chunking: cuts a text into parts, each a row of its own with the other fields of the row.

    With a pattern alone, matches separate parts, and blank parts are left out; a text of blanks gives no row. With a
    length alone, parts have that length. With both, a part ends at the last match within the length, or has the length;
    blank parts are left out but for the last.

    Example: with split_pattern \n\n, the text `a\n\nb` gives the rows `a` and `b`

    Args:
        max_len: greatest length of a part.
        split_pattern: a regular expression of Python's `re`.
        overlap_len: how much a part repeats of the one before, where it was cut by length.
        tokenizer: count lengths in tokens of this Hugging Face tokenizer, a path or a name, instead of characters.
        trust_remote_code: known from recipes; without effect, since no code of a tokenizer is ever run.
    """

    name: ClassVar[str] = "text_chunk_mapper"
    version: ClassVar[int] = 2

    def __init__(
        self,
        max_len: int | None = None,
        split_pattern: str | None = r"\n\n",
        overlap_len: int = 0,
        tokenizer: str | None = None,
        trust_remote_code: bool = False,
    ) -> None:
        if max_len is None and split_pattern is None:
            raise ValueError("max_len and split_pattern cannot both be null")
        if (max_len is not None and max_len < 1) or overlap_len < 0:
            raise ValueError("max_len must be at least 1 and overlap_len at least 0")
        if max_len is not None and overlap_len >= max_len:
            raise ValueError(f"overlap_len must be less than max_len; found {overlap_len} and {max_len}")
        self.max_len = max_len
        self.overlap_len = overlap_len
        self.split_pattern = None if split_pattern is None else TimedPattern(split_pattern, "split_pattern")
        self.tokens = None if tokenizer is None else Tokens(tokenizer, self.name)

    def assets(self) -> tuple[str, ...]:
        return () if self.tokens is None else (self.tokens.path,)

    def prepare(self, context: OperatorContext | None = None) -> None:
        if self.tokens is not None:
            self.tokens.load()

    def process(self, batch: Batch) -> Batch:
        text = batch.text(self.text_key)
        rows, parts = self._cut(text)
        texts = {key: column for key, column in batch.texts.items() if key != self.text_key}
        bare = replace(batch, texts=texts, cache={})  # else each part would be given the whole text first
        return bare.take(rows).with_text(self.text_key, parts)

    def _cut(self, text: pa.Array) -> tuple[Rows, pa.Array]:
        """For each part the number of its row, and the part."""
        if self.split_pattern is None and self.tokens is None and self.overlap_len == 0:
            return self._windows_of(text)
        if self.max_len is None and self.split_pattern is not None and self.split_pattern.literal:
            return _split(text, self.split_pattern.literal)
        return self._parts_of(text)

    def _windows_of(self, text: pa.Array) -> tuple[Rows, pa.Array]:
        """Rows and parts where parts are the text itself, with more ends in it."""
        assert self.max_len is not None  # noqa: S101 - without a pattern it is given
        sizes = lengths(text)
        counts = np.maximum(-(-sizes // self.max_len), 1)
        rows = np.repeat(np.arange(len(text), dtype=np.int32), counts)
        number = np.arange(len(rows)) - np.repeat(offsets_of(counts)[:-1], counts)  # of the part in its row
        starts = offsets_of(sizes)[:-1][rows] + number * self.max_len
        data = bytes_of(text).data
        ends = byte_offsets(data, np.append(starts, sizes.sum()))
        return rows, Bytes(data, ends).column()

    def _parts_of(self, text: pa.Array) -> tuple[Rows, pa.Array]:
        parts = [list(self._parts(row)) for row in text.to_pylist()]
        rows = np.repeat(np.arange(len(parts), dtype=np.int32), [len(each) for each in parts])
        return rows, pa.array(list(chain.from_iterable(parts)), pa.large_string())

    def _parts(self, text: str) -> Iterator[str]:
        if self.max_len is None:
            assert self.split_pattern is not None  # noqa: S101 - one of the two is given
            return (part for part in self.split_pattern.split(text) if part and not part.isspace())
        if self.split_pattern is not None:
            return self._parts_within(text, self.max_len, self.split_pattern)
        if self.tokens is None:
            return _windows(text, self.max_len, self.max_len - self.overlap_len)
        return self._parts_of_tokens(text, self.tokens, self.max_len)

    def _parts_of_tokens(self, text: str, tokens: Tokens, length: int) -> Iterator[str]:
        ids = tokens.encode(text)
        if len(ids) <= length:
            return iter((text,))
        return map(tokens.decode, _windows(ids, length, length - self.overlap_len))

    def _parts_within(self, text: str, length: int, pattern: TimedPattern) -> Iterator[str]:
        start = 0
        while (window := self._window(text, start, length)) is not None:
            part, next_start = window
            last = next(reversed(list(pattern.matches(part))), None)
            if last is None:
                start = next_start
            elif last.end() == 0:
                raise ValueError(f"split_pattern {pattern.pattern!r} matches nothing at the start of a part")
            else:
                part = part[: last.start()]
                start += last.end()
            if part and not part.isspace():
                yield part
        yield text[start:]

    def _window(self, text: str, start: int, length: int) -> tuple[str, int] | None:
        """What is left of a text from `start` on, cut to the length, and where to go on; None if it is not longer."""
        if self.tokens is None:
            if len(text) - start <= length:
                return None
            return text[start : start + length], start + length - self.overlap_len
        ids = self.tokens.encode(text[start:])
        if len(ids) <= length:
            return None
        next_start = len(text) - len(self.tokens.decode(ids[length - self.overlap_len :]))
        return self.tokens.decode(ids[:length]), max(next_start, start + 1)


def _windows(sequence: Window, length: int, step: int) -> Iterator[Window]:
    if len(sequence) <= length:
        yield sequence
        return
    for start in range(0, len(sequence), step):
        yield sequence[start : start + length]


def _split(text: pa.Array, separator: str) -> tuple[Rows, pa.Array]:
    """The parts between separators that are not blank."""
    lists = pc.split_pattern(text, separator)
    parts = lists.flatten()
    rows = np.repeat(np.arange(len(text), dtype=np.int32), pc.list_value_length(lists).to_numpy())
    utf8 = bytes_of(parts)
    may_be_blank = _MAY_BE_SPACE.take(np.append(utf8.data, ord(" ")).take(utf8.offsets[:-1]))
    suspects = np.flatnonzero(may_be_blank | (utf8.offsets[1:] == utf8.offsets[:-1]))
    kept = np.ones(len(parts), np.bool_)
    kept[suspects] = [bool(part.strip()) for part in parts.take(pa.array(suspects)).to_pylist()]
    return rows[kept], parts.filter(pa.array(kept))
