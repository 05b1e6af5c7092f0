"""Where a row is in its source, from where it is in its fragment. Pure.

What is committed holds `rows.place.Place`, relative to the fragment, since a fragment that moved in its source, or whose
source has another name, is used again; the place in the source is computed when it is published or shown.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from data_juicer.portable import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from data_juicer.formats.base import Fragment
    from data_juicer.rows.place import Place


class LocatedPart(Protocol):
    """Consecutive rows of one source, and where they are in it now."""

    @property
    def source_path(self) -> str: ...

    @property
    def fragment(self) -> Fragment: ...


class Located(LocatedPart, Protocol):
    """Rows that are read together, and where they are in the input now; `plan.partitions.PartitionSpec` is one."""

    @property
    def more(self) -> Sequence[LocatedPart]:
        """The fragments after the first."""


class SourcePlace(NamedTuple):
    """Where a row is in its source."""

    row: int
    """From 0, among all rows of the source."""
    line: int = 0
    """From 1; 0 in formats without lines."""
    byte_offset: int = -1
    """-1 in formats whose rows have no bytes of their own. In a packed source it counts in the unpacked text."""
    row_group: int = -1
    """From 0; -1 in formats without row groups."""
    row_in_group: int = -1
    """From 0; -1 in formats without row groups."""

    def __str__(self) -> str:
        """`line 9`; `row group 0, row 17` as pyarrow counts them, from 0; `row 17, byte 901`; `row 17` where there is no more."""
        if self.line:
            return f"line {self.line:,}"
        if self.row_group >= 0:
            return f"row group {self.row_group:,}, row {self.row_in_group:,}"
        return f"row {self.row:,}" if self.byte_offset < 0 else f"row {self.row:,}, byte {self.byte_offset:,}"


class RowInPart(NamedTuple):
    part: LocatedPart
    row: int
    """From 0, among all rows of the part's fragment."""


def part_at(partition: Located, row: int) -> RowInPart:
    """The fragment that has a row of a partition.

    Args:
        row: from 0, among all rows of the partition.
    """
    if not partition.more:
        return RowInPart(partition, row)
    parts = (partition, *partition.more)
    stops = list(accumulate(part.fragment.rows for part in parts))
    number = min(bisect_right(stops, row), len(parts) - 1)
    return RowInPart(parts[number], row - (stops[number - 1] if number else 0))


def locate(place: Place, partition: Located) -> tuple[str, SourcePlace]:
    """The source that has a row of a partition, and where the row is in it now."""
    part, row = part_at(partition, place.row)
    return part.source_path, resolve(place._replace(row=row), part.fragment)


def resolve(place: Place, fragment: Fragment) -> SourcePlace:
    """Where the row at `place` of a fragment is, as the fragment is in its source now."""
    row = fragment.row_start + place.row
    has_lines = place.line >= 0 and fragment.line_start > 0
    has_bytes = has_lines or place.line < 0  # else line and byte are those of a copy
    group, row_in_group = _group(row, fragment.groups)
    return SourcePlace(
        row=row,
        line=fragment.line_start + place.line if has_lines else 0,
        byte_offset=fragment.byte_start + place.byte if has_bytes and place.byte >= 0 else -1,
        row_group=group,
        row_in_group=row_in_group,
    )


class SourceRows(NamedTuple):
    """Rows of the input, as columns: the escaped path of the source, and the row in it from 0, -1 for none."""

    sources: pa.Array
    rows: pa.Array


def rows_in_sources(rows: npt.NDArray[Any], partitions: Sequence[Located]) -> SourceRows:
    """Rows of partitions as rows of their sources.

    Args:
        rows: -1 for one that an operator made, whose source is the first of its partition; shape (rows,).
        partitions: that of each row.
    """
    import numpy as np
    import pyarrow as pa

    parts: Sequence[LocatedPart] = partitions
    if any(spec.more for spec in partitions):
        found = [part_at(spec, max(row, 0)) for row, spec in zip(rows.tolist(), partitions, strict=True)]
        parts = [each.part for each in found]
        rows = np.where(rows < 0, -1, np.array([each.row for each in found], np.int64))
    starts = np.array([part.fragment.row_start for part in parts], np.int64)
    if parts and all(part is parts[0] for part in parts):
        sources = pa.repeat(escape(parts[0].source_path), len(parts))
    else:
        sources = pa.array([escape(part.source_path) for part in parts], pa.string())
    return SourceRows(sources, pa.array(np.where(rows < 0, -1, rows + starts), pa.int64()))


def place_fields(place: SourcePlace | None) -> dict[str, Any]:
    """The place as records for people spell it; of a row that is none of a source, that it is nowhere."""
    if place is None:
        return {"line": 0, "byte_offset": -1}
    return {
        "line": place.line,
        "byte_offset": place.byte_offset,
        "source_row": place.row,
        "row_group": place.row_group,
        "row_in_group": place.row_in_group,
    }


def _group(row: int, groups: tuple[int, ...]) -> tuple[int, int]:
    """The row group of a row of the source and the row within it; see `Fragment.groups`."""
    if not groups:
        return -1, -1
    first, *starts = groups
    number = bisect_right(starts, row) - 1
    return first + number, row - starts[number]
