"""What scanning and reading of Parquet share: a file, the bytes of its row groups, and what they are known by."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import pyarrow as pa
import xxhash

from data_juicer.errors import InputError
from data_juicer.formats.base import check_length, reading_input
from data_juicer.formats.tables.normal import normal_table
from data_juicer.storage.arrow_file import RangedFile, arrow_file

if TYPE_CHECKING:
    import pyarrow.parquet as pq

    from data_juicer.storage.base import Store


class InputFile:
    """An open Parquet file of a store."""

    def __init__(self, path: str, ranged: RangedFile) -> None:
        import pyarrow.parquet as pq

        self.path = path
        self._ranged = ranged
        self.parquet: pq.ParquetFile = pq.ParquetFile(arrow_file(ranged))

    @property
    def ranged(self) -> RangedFile:
        return self._ranged

    def pages(self, start: int, stop: int) -> bytes:
        """The bytes [start, stop), which Arrow is then given without another look at the file.

        Raises: InputError: the file cannot be read or is shorter.
        """
        data = self._ranged.read_range(start, stop)
        check_length(self.path, start, stop, data)
        self._ranged.hold(start, data)
        return data


@contextlib.contextmanager
def open_file(store: Store, path: str) -> Iterator[InputFile]:
    """Raises: InputError: it cannot be read, or is no whole Parquet file."""
    with reading_input(path), store.open_read(path) as reader:
        try:
            file = InputFile(path, RangedFile(reader))
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


def byte_range(file: pq.ParquetFile, groups: range) -> tuple[int, int]:
    chunks = [
        file.metadata.row_group(group).column(column)
        for group in groups
        for column in range(file.metadata.num_columns)
    ]
    starts = [chunk.dictionary_page_offset or chunk.data_page_offset for chunk in chunks]
    stops = [start + chunk.total_compressed_size for start, chunk in zip(starts, chunks, strict=True)]
    return min(starts), max(stops)


def row_groups(file: pq.ParquetFile, row_start: int, row_stop: int) -> tuple[int, ...]:
    """`Fragment.groups` of the rows [row_start, row_stop) of a file."""
    starts = group_bounds(file)[:-1]
    first = bisect_right(starts, row_start) - 1
    return (first, *(start for start in starts[first:] if start < row_stop))


def group_bounds(file: pq.ParquetFile) -> list[int]:
    """The row with which each row group begins, and the number of rows."""
    counts = (file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups))
    return list(accumulate(counts, initial=0))


def digest_pages(data: bytes, schema: pa.Schema) -> str:
    """Of the pages and of names and types: with equal pages and other names the rows are others."""
    state = xxhash.xxh3_128(data)
    state.update(str(schema.remove_metadata()).encode())
    return state.hexdigest()


def read_groups(path: str, file: pq.ParquetFile, groups: Sequence[int]) -> pa.Table:
    """The rows of these row groups.

    Raises: InputError: a column is damaged or of a type that Arrow cannot read.
    """
    try:
        return file.read_row_groups(list(groups), use_threads=False)
    except pa.ArrowNotImplementedError:  # such as lists of dictionaries over several row groups
        pass
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, file, groups, error) from error
    try:
        tables = [normal_table(file.read_row_group(group, use_threads=False)) for group in groups]
        return pa.concat_tables(tables, promote_options="none")
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, file, groups, error) from error


def _unreadable(path: str, file: pq.ParquetFile, groups: Sequence[int], error: Exception) -> InputError:
    reason = str(error).splitlines()[0]
    for group in groups:
        for name in file.schema_arrow.names:
            try:
                file.read_row_group(group, columns=[name], use_threads=False)
            except (pa.ArrowException, OSError) as of_column:
                reason = str(of_column).splitlines()[0]
                return InputError(f"{path}: row group {group}, column {name!r} cannot be read: {reason}.")
    return InputError(f"{path}: cannot be read: {reason}.")
