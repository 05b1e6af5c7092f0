"""The records of a CSV text that comes in chunks of UTF-8: their values, and where each is in the text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from data_juicer.errors import InputError
from data_juicer.formats.jsonl.lines import BOM
from data_juicer.formats.registry import suffix_of

if TYPE_CHECKING:
    from data_juicer.formats.base import SourceFile

FIELD_BYTES_MAX: Final = 64 << 20
"""A longer value than this, and than two rows may be, is no value but a quote that is never closed."""
_SEPARATORS: Final = ",\t;|"


class CsvRecord(NamedTuple):
    values: list[str]
    start: int
    stop: int
    """Bytes of the text."""
    line: int
    """Its first line, from 1."""


def read_records(
    source: SourceFile, chunks: Iterable[bytes], field_bytes_max: int = FIELD_BYTES_MAX
) -> Iterator[CsvRecord]:
    """Records that are not blank, the header among them.

    Raises: InputError: a quote is never closed, or a value or a line is longer than `field_bytes_max`.
    """
    lines = _Lines(source, chunks, field_bytes_max)
    reader = csv.reader(
        lines,
        delimiter=source.options.delimiter or _separator(source, lines.peek()),
        quotechar=source.options.quotechar or '"',
    )
    limit = csv.field_size_limit()
    start, line = lines.offset, 1
    try:
        while True:
            csv.field_size_limit(field_bytes_max)
            values = next(reader, None)
            if values is None:
                return
            if lines.is_at_end:  # the reader asks for a line beyond the last one only within a quote
                raise csv.Error("the text ends within a quote")  # noqa: TRY301 - one answer to all damage
            if values:
                yield CsvRecord(values, start, lines.offset, line)
            start, line = lines.offset, lines.count + 1
    except csv.Error as error:
        raise InputError(
            f"{source.path}: line {line:,} begins a record that cannot be read as CSV ({error}); is a quote closed? "
            "Nothing was processed."
        ) from error
    finally:
        csv.field_size_limit(limit)


def _separator(source: SourceFile, header: str) -> str:
    """The one that the suffix says, or the first other one that the header has where it has not that."""
    usual = "\t" if suffix_of(source.path).startswith(".tsv") else ","
    return next((each for each in (usual, *_SEPARATORS) if each in header), usual)


class _Lines:
    """The lines of a text with their ends, and how far they were read; bytes that are no UTF-8 as half surrogate pairs."""

    def __init__(self, source: SourceFile, chunks: Iterable[bytes], bytes_max: int) -> None:
        self._source = source
        self._chunks = iter(chunks)
        self._bytes_max = bytes_max
        self.offset = 0
        """Bytes of the text that were given as lines."""
        self.count = 0
        """Lines that were given."""
        self.is_at_end = False
        """One more line was asked for than there are."""
        self._lines = self._read()
        self._first = next(self._lines, None)

    def peek(self) -> str:
        """The first line."""
        return "" if self._first is None else self._first[0]

    def __iter__(self) -> Iterator[str]:
        line = self._first
        while line is not None:
            text, size = line
            self.offset += size
            self.count += 1
            yield text
            line = next(self._lines, None)
        self.is_at_end = True

    def _read(self) -> Iterator[tuple[str, int]]:
        """Each line, and its bytes."""
        rest: list[bytes] = []
        total_bytes = 0
        is_first = True
        for chunk in self._chunks:
            first, *more = chunk.split(b"\n")
            total_bytes += len(first)
            rest.append(first)
            if more:
                whole = b"".join(rest)
                if is_first and whole.startswith(BOM):
                    self.offset, whole = len(BOM), whole[len(BOM) :]
                is_first = False
                yield from _one_line(whole + b"\n")
                for line in more[:-1]:
                    yield from _one_line(line + b"\n")
                rest, total_bytes = [more[-1]], len(more[-1])
            if total_bytes > self._bytes_max:
                raise InputError(
                    f"{self._source.path}: line {self.count + 1:,} is longer than {self._bytes_max:,} bytes, as in no table. "
                    "Nothing was processed."
                )
        whole = b"".join(rest)
        yield from _one_line(whole.removeprefix(BOM) if is_first else whole)


def _one_line(data: bytes) -> Iterator[tuple[str, int]]:
    """A line; several where CR alone ends lines."""
    if not data:
        return
    text = data.decode("utf-8", "surrogateescape")
    if "\r" not in text[:-2]:
        yield text, len(data)
        return
    for line in io.StringIO(text, newline=""):
        yield line, len(line.encode("utf-8", "surrogateescape"))
