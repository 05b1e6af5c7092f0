"""Where a row is in its source, from where it is in its fragment. Pure.

What is committed holds `rows.place.Place`, relative to the fragment, since a fragment that moved in its source, or whose
source has another name, is used again; the place in the source is computed when it is published or shown.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from data_juicer.formats.base import Fragment
    from data_juicer.rows.place import Place


class Located(Protocol):
    """Rows that are read together, and where they are in the input now; `plan.partitions.PartitionSpec` is one."""

    @property
    def source_path(self) -> str: ...

    @property
    def fragment(self) -> Fragment: ...


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
