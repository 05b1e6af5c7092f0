"""How large rows are once they are decoded, found before they are: a small file may say little and hold very much."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from data_juicer.errors import InputError
from data_juicer.formats.compression import FREE_BYTES, RATIO_MAX
from data_juicer.formats.parquet.file import span_of
from data_juicer.formats.parquet.pages import PageError, page_sizes
from data_juicer.storage.arrow_file import arrow_file

if TYPE_CHECKING:
    from data_juicer.formats.base import Fragment
    from data_juicer.formats.parquet.file import InputFile

_HEADER_BYTES_MAX: Final = 1 << 16
"""Of a page, with the statistics in it."""
_SLACK_BYTES: Final = 1 << 20
"""Writers differ in what they count as the size of a column."""


def refuse_bombs(file: InputFile) -> None:
    """Raises: InputError: a column says that it unpacks to more than a text would, as `formats.compression` has it."""
    for group in range(file.parquet.metadata.num_row_groups):
        for column in file.chunks(group):
            if column.total_uncompressed_size > max(FREE_BYTES, RATIO_MAX * column.total_compressed_size):
                raise InputError(
                    f"{file.path}: row group {group}, column {column.path_in_schema!r} unpacks to more than {RATIO_MAX:,} times its "
                    "size, as no text does. Nothing was processed."
                )


def refuse_more(path: str, given: int, size_bytes: int) -> None:
    """Raises: InputError: the rows so far take more than a text would for a file of this size."""
    if given > FREE_BYTES and given > RATIO_MAX * size_bytes:
        raise InputError(
            f"{path}: its rows take more than {RATIO_MAX:,} times its size, as no text does. Nothing was processed."
        )


def refuse_lies(file: InputFile, fragment: Fragment, pages: Sequence[tuple[int, bytes]]) -> None:
    """Raises: InputError: the pages of a fragment unpack to more than the footer says, or are damaged.

    Args:
        pages: the bytes of the fragment, as `InputFile.pages` gives them.
    """
    for group, column in _chunks(file, fragment):
        start, stop = span_of(column)
        first, data = pages[bisect_right(pages, start, key=itemgetter(0)) - 1]
        try:
            unpacked = sum(
                page.unpacked for page in page_sizes(memoryview(data)[start - first : stop - first])
            )
        except PageError as error:
            raise InputError(
                f"{file.path}: row group {group}, column {column.path_in_schema!r} is damaged: {error}. Nothing was processed."
            ) from error
        if unpacked > 2 * column.total_uncompressed_size + _SLACK_BYTES:
            raise InputError(
                f"{file.path}: row group {group}, column {column.path_in_schema!r} unpacks to {unpacked:,} bytes, its footer "
                f"says {column.total_uncompressed_size:,}. Nothing was processed."
            )


def _chunks(file: InputFile, fragment: Fragment) -> Iterator[tuple[int, Any]]:
    """Row group and column chunk of everything in a fragment."""
    for group in range(file.parquet.metadata.num_row_groups):
        for column in file.chunks(group):
            if fragment.byte_start <= span_of(column)[0] < fragment.byte_stop:
                yield group, column


def rows_within(file: InputFile, size_bytes: int) -> list[int]:
    """For each row group how many of its rows surely fit into so many bytes, at least 1.

    A value in a dictionary counts once in the size of a row group, however many rows have it: a file of 300 bytes may hold 20,000
    rows of 1 MB.
    """
    metadata = file.parquet.metadata
    room = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        row_bytes = 1 + file.size_bytes(number) // max(1, group.num_rows)
        for column in file.chunks(number):
            row_bytes += _longest_repeated(file, number, column, group.num_rows, size_bytes)
        room.append(max(1, size_bytes // row_bytes))
    return room


def _longest_repeated(file: InputFile, group: int, column: Any, rows: int, size_bytes: int) -> int:
    """At most how long the values in the dictionary of a column are, where that matters; else 0."""
    if column.physical_type != "BYTE_ARRAY" or not column.has_dictionary_page:
        return 0
    if rows * column.total_uncompressed_size <= size_bytes:
        return 0
    start, _ = span_of(column)
    stop = start + min(_HEADER_BYTES_MAX, column.total_compressed_size)
    try:
        dictionary = next(page_sizes(memoryview(file.ranged.read_range(start, stop)))).unpacked
    except (PageError, StopIteration):
        dictionary = column.total_uncompressed_size
    if rows * dictionary <= size_bytes:
        return 0
    return _longest_value(file, group, column.path_in_schema, dictionary)


def _longest_value(file: InputFile, group: int, path: str, dictionary_bytes: int) -> int:
    """Of the dictionary of a column of texts; of other columns the bytes of the whole dictionary."""
    import pyarrow.parquet as pq

    if path not in file.parquet.schema_arrow.names:
        return dictionary_bytes
    try:
        opened = pq.ParquetFile(
            arrow_file(file.ranged), read_dictionary=[path], metadata=file.parquet.metadata
        )
        batches = opened.iter_batches(batch_size=1, row_groups=[group], columns=[path], use_threads=False)
        values = next(batches).column(0)
    except (pa.ArrowException, OSError, StopIteration):
        return dictionary_bytes
    if not pa.types.is_dictionary(values.type) or not len(values.dictionary):
        return dictionary_bytes
    return int(pc.max(pc.binary_length(values.dictionary)).as_py() or 0)
