"""What scanning and reading of Parquet share: a file, the bytes of its row groups, and what they are known by."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import xxhash

from data_juicer.errors import InputError
from data_juicer.formats.base import check_length, reading_input
from data_juicer.formats.tables.normal import normal_table
from data_juicer.formats.tables.read import name_not_utf8, only_columns
from data_juicer.storage.arrow_file import RangedFile, arrow_file

if TYPE_CHECKING:
    import pyarrow.parquet as pq

    from data_juicer.formats.base import Fragment
    from data_juicer.storage.base import Store


class InputFile:
    """An open Parquet file of a store, or some columns of it."""

    def __init__(self, path: str, ranged: RangedFile, columns: Sequence[str] = ()) -> None:
        """Raises: InputError: there is no such column."""
        import pyarrow.parquet as pq

        self.path = path
        self._ranged = ranged
        self.parquet: pq.ParquetFile = pq.ParquetFile(arrow_file(ranged))
        self.schema: pa.Schema = only_columns(path, self.parquet.schema_arrow, columns)
        self.columns = self.schema.names if columns else None
        """Those that are read, as Arrow takes them; None: all."""
        self._leaves = self._wanted_leaves()

    @property
    def ranged(self) -> RangedFile:
        return self._ranged

    def _wanted_leaves(self) -> Sequence[int]:
        metadata = self.parquet.metadata
        if self.columns is None or not metadata.num_row_groups:
            return range(metadata.num_columns)
        heads = tuple(f"{name}." for name in self.columns)
        paths = [self.parquet.schema.column(number).path for number in range(metadata.num_columns)]
        return [
            number
            for number, path in enumerate(paths)
            if path in self.columns or path.startswith(heads)  # of a struct or a list
        ]

    def chunks(self, group: int) -> list[Any]:
        """The column chunks of a row group that are read."""
        row_group = self.parquet.metadata.row_group(group)
        return [row_group.column(number) for number in self._leaves]

    def size_bytes(self, group: int) -> int:
        """Of the columns that are read, unpacked but for dictionaries, as the footer has it."""
        if self.columns is None:
            return int(self.parquet.metadata.row_group(group).total_byte_size)
        return sum(chunk.total_uncompressed_size for chunk in self.chunks(group))

    def pages(self, fragment: Fragment) -> list[tuple[int, bytes]]:
        """The bytes of a fragment, (start, bytes) each, which Arrow is then given without another look at the file.

        Raises: InputError: the file cannot be read or is shorter.
        """
        ranges = []
        for start, stop in self._ranges(fragment):
            data = self._ranged.read_range(start, stop)
            check_length(self.path, start, stop, data)
            ranges.append((start, data))
        self._ranged.hold(ranges)
        return ranges

    def _ranges(self, fragment: Fragment) -> Iterator[tuple[int, int]]:
        """Of all columns the bytes of the fragment; of some, those of their chunks, joined where they touch."""
        if not fragment.columns:
            yield fragment.byte_start, fragment.byte_stop
            return
        groups = range(self.parquet.metadata.num_row_groups)
        spans = sorted(span_of(chunk) for group in groups for chunk in self.chunks(group))
        inside = [span for span in spans if fragment.byte_start <= span[0] < fragment.byte_stop]
        start, stop = inside[0] if inside else (fragment.byte_start, fragment.byte_start)
        for first, last in inside[1:]:
            if first != stop:
                yield start, stop
                start = first
            stop = last
        yield start, stop


def span_of(chunk: Any) -> tuple[int, int]:
    """The bytes of a column chunk."""
    start = int(chunk.dictionary_page_offset or chunk.data_page_offset)
    return start, start + int(chunk.total_compressed_size)


@contextlib.contextmanager
def open_file(store: Store, path: str, columns: Sequence[str] = ()) -> Iterator[InputFile]:
    """
    Args:
        columns: those that are read; none: all.
    Raises: InputError: it cannot be read, is no whole Parquet file, or lacks a column.
    """
    with reading_input(path), store.open_read(path) as reader:
        try:
            file = InputFile(path, RangedFile(reader), columns)
        except UnicodeDecodeError as error:
            raise name_not_utf8(path, error) from None
        except (pa.ArrowException, OSError) as error:
            if (
                getattr(error, "errno", None) is not None
            ):  # of the operating system, which `reading_input` tells
                raise
            raise InputError(f"{path}: not a whole Parquet file: {str(error).splitlines()[0]}") from error
        try:
            yield file
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error}") from error


def byte_range(file: InputFile, groups: range) -> tuple[int, int]:
    """The range that holds all column chunks of these row groups that are read."""
    spans = [span_of(chunk) for group in groups for chunk in file.chunks(group)]
    return min(start for start, _ in spans), max(stop for _, stop in spans)


def row_groups(file: pq.ParquetFile, row_start: int, row_stop: int) -> tuple[int, ...]:
    """`Fragment.groups` of the rows [row_start, row_stop) of a file."""
    starts = group_bounds(file)[:-1]
    first = bisect_right(starts, row_start) - 1
    return (first, *(start for start in starts[first:] if start < row_stop))


def group_bounds(file: pq.ParquetFile) -> list[int]:
    """The row with which each row group begins, and the number of rows."""
    counts = (file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups))
    return list(accumulate(counts, initial=0))


def digest_pages(pages: Iterable[bytes], schema: pa.Schema) -> str:
    """Of the pages and of names and types: with equal pages and other names the rows are others."""
    state = xxhash.xxh3_128()
    for data in pages:
        state.update(data)
    state.update(str(schema.remove_metadata()).encode())
    return state.hexdigest()


def read_groups(file: InputFile, groups: Sequence[int]) -> pa.Table:
    """The rows of these row groups.

    Raises: InputError: a column is damaged or of a type that Arrow cannot read.
    """
    parquet, columns = file.parquet, file.columns
    try:
        return parquet.read_row_groups(list(groups), columns=columns, use_threads=False)
    except pa.ArrowNotImplementedError:  # such as lists of dictionaries over several row groups
        pass
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, groups, error) from error
    try:
        tables = [
            normal_table(parquet.read_row_group(group, columns=columns, use_threads=False))
            for group in groups
        ]
        return pa.concat_tables(tables, promote_options="none")
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, groups, error) from error


def _unreadable(file: InputFile, groups: Sequence[int], error: Exception) -> InputError:
    reason = str(error).splitlines()[0]
    for group in groups:
        for name in file.schema.names:
            try:
                file.parquet.read_row_group(group, columns=[name], use_threads=False)
            except (pa.ArrowException, OSError) as of_column:
                reason = str(of_column).splitlines()[0]
                return InputError(
                    f"{file.path}: row group {group}, column {name!r} cannot be read: {reason}."
                )
    return InputError(f"{file.path}: cannot be read: {reason}.")
