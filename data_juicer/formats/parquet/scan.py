"""Parquet -> fragments: whole row groups where they are, or slices copied out of row groups that are too large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
import pyarrow as pa

from data_juicer.formats.base import Fragment, SharedScan
from data_juicer.formats.parquet.file import (
    InputFile,
    byte_range,
    digest_pages,
    group_bounds,
    open_file,
    read_groups,
    row_groups,
)
from data_juicer.formats.parquet.sizes import refuse_bombs, refuse_lies, refuse_more, rows_within
from data_juicer.formats.tables.encode import parquet_bytes
from data_juicer.formats.tables.normal import normal_table
from data_juicer.formats.tables.slices import Slice, slices

if TYPE_CHECKING:
    from data_juicer.formats.base import FragmentLimits, SourceFile
    from data_juicer.storage.base import Store


def scan_row_groups(store: Store, source: SourceFile, limits: FragmentLimits) -> list[Fragment] | None:
    """The fragments of a file, as many whole row groups in each as fit; None where a row group is too large for one.

    Raises: InputError: the file is no whole Parquet file.
    """
    with open_file(store, source.path, source.options.columns) as file:
        refuse_bombs(file)
        outlined = _whole_groups(source, file, limits)
        return None if outlined is None else [_digested(file, fragment) for fragment in outlined]


class _GroupOutline:
    """See `formats.base.Outline`: the end of the file tells everything."""

    def __init__(self, store: Store, source: SourceFile, limits: FragmentLimits) -> None:
        self._store = store
        self._source = source
        self._limits = limits

    def add(self, survey: bytes) -> list[Fragment]:
        return []

    def finish(self) -> list[Fragment] | None:
        """Raises: InputError: the file is no whole Parquet file."""
        with open_file(self._store, self._source.path, self._source.options.columns) as file:
            refuse_bombs(file)
            return _whole_groups(self._source, file, self._limits)


def _digests(store: Store, source: SourceFile, fragments: Sequence[Fragment]) -> list[str]:
    with open_file(store, source.path, source.options.columns) as file:
        return [_digested(file, fragment).digest for fragment in fragments]


_RUN_BYTES: Final = 16_000_000
"""Of row groups that are asked for at once; small ones would cost more one by one."""
_READ_AHEAD: Final = 4
"""Rows that are read at once take at most so many times the bytes of a fragment."""

SHARED: Final = SharedScan(outline=_GroupOutline, digest=_digests)


def _whole_groups(source: SourceFile, file: InputFile, limits: FragmentLimits) -> list[Fragment] | None:
    """Fragments without their digests."""
    metadata = file.parquet.metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    sizes = [file.size_bytes(number) for number in range(metadata.num_row_groups)]
    if any(
        group.num_rows > limits.rows_max or (size > limits.size_bytes_max and group.num_rows > 1)
        for group, size in zip(groups, sizes, strict=True)
    ):
        return None
    room = rows_within(file, _READ_AHEAD * limits.size_bytes_max)
    if any(group.num_rows > rows for group, rows in zip(groups, room, strict=True)):
        return None
    fragments: list[Fragment] = []
    first = row_start = rows = size = 0
    for number, group in enumerate(groups):
        if rows and (rows + group.num_rows > limits.rows_max or size + sizes[number] > limits.size_bytes_max):
            fragments.append(_outlined(source, file, range(first, number), row_start, rows))
            first, row_start, rows, size = number, row_start + rows, 0, 0
        rows += group.num_rows
        size += sizes[number]
    if rows:
        fragments.append(_outlined(source, file, range(first, len(groups)), row_start, rows))
    return fragments


def unpack_slices(
    store: Store, source: SourceFile, limits: FragmentLimits
) -> Iterator[tuple[Fragment, bytes]]:
    """The rows of a file in slices that fit, each as a Parquet file of its own with the fragment that it is.

    Memory: the rows of one slice, and one row group as Parquet pages it in.
    """
    row_start = 0
    with open_file(store, source.path, source.options.columns) as file:
        refuse_bombs(file)
        rows_at_once = min([limits.rows_max, *rows_within(file, _READ_AHEAD * limits.size_bytes_max)])
        for part in _slices(source, file, limits, rows_at_once):
            data = parquet_bytes(part.table)
            fragment = Fragment(
                source=source.index,
                row_start=row_start,
                row_stop=row_start + part.rows,
                byte_start=0,
                byte_stop=len(data),
                digest=digest_pages([data], part.table.schema),
                groups=row_groups(file.parquet, row_start, row_start + part.rows),
            )
            yield fragment, data
            row_start += part.rows


def _slices(
    source: SourceFile, file: InputFile, limits: FragmentLimits, rows_at_once: int
) -> Iterator[Slice]:
    given = 0
    for table in _tables(file, rows_at_once):
        given += table.nbytes
        refuse_more(source.path, given, source.size_bytes)
        yield from slices(table, limits)


def _tables(file: InputFile, rows_at_once: int) -> Iterator[pa.Table]:
    """The rows of a file in order.

    Raises: InputError: a column is damaged or of a type that Arrow cannot read.
    """
    rows = 0
    try:
        for table in _rebatched(_batches(file, rows_at_once), rows_at_once):
            rows += table.num_rows
            yield table
    except (pa.ArrowException, OSError):
        starts = group_bounds(file.parquet)
        for group, start in enumerate(
            starts[:-1]
        ):  # one at a time some more types can be read; or it says what is wrong
            if starts[group + 1] > rows:
                table = normal_table(read_groups(file, [group]))
                yield table.slice(max(0, rows - start))


def _batches(file: InputFile, rows_at_once: int) -> Iterator[pa.Table]:
    """The rows of a file, a run of row groups after the other: Arrow keeps the pages of all groups that it was asked for at once."""
    for run in _runs(file):
        for batch in file.parquet.iter_batches(
            batch_size=rows_at_once, row_groups=run, columns=file.columns, use_threads=False
        ):
            yield pa.Table.from_batches([batch])


def _runs(file: InputFile) -> Iterator[list[int]]:
    """Consecutive row groups of together at least _RUN_BYTES."""
    run: list[int] = []
    total = 0
    for group in range(file.parquet.metadata.num_row_groups):
        run.append(group)
        total += file.size_bytes(group)
        if total >= _RUN_BYTES:
            yield run
            run, total = [], 0
    if run:
        yield run


def _rebatched(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows, so many in each table but the last, wherever row groups end: fragments do not depend on that."""
    left: list[pa.Table] = []
    total = 0
    for table in tables:
        if not left and table.num_rows == rows:
            yield table
            continue
        left.append(table)
        total += table.num_rows
        if total >= rows:
            whole = pa.concat_tables(left).combine_chunks()
            yield whole.slice(0, rows)
            left, total = [whole.slice(rows)] if total > rows else [], total - rows
    if left:
        yield pa.concat_tables(left).combine_chunks()


def _outlined(source: SourceFile, file: InputFile, groups: range, row_start: int, rows: int) -> Fragment:
    start, stop = byte_range(file, groups)
    return Fragment(
        source=source.index,
        row_start=row_start,
        row_stop=row_start + rows,
        byte_start=start,
        byte_stop=stop,
        digest="",
        groups=row_groups(file.parquet, row_start, row_start + rows),
        columns=tuple(file.columns or ()),
    )


def _digested(file: InputFile, fragment: Fragment) -> Fragment:
    pages = file.pages(fragment)
    refuse_lies(file, fragment, pages)
    digest = digest_pages((data for _, data in pages), file.schema)
    return msgspec.structs.replace(fragment, digest=digest)
