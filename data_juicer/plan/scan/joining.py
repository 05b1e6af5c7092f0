"""Small files joined into partitions: which of them are read together. Pure.

A partition costs some milliseconds however few rows it has, so that of ten thousand files of one row little else would be paid
for. Where a partition ends follows from the digests of its files and from nothing that is before them: a file that is added,
changed or removed moves the ends beside it, and all other partitions stay what they are (docs/design/0320-joined-files.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from data_juicer.formats.registry import format_named
from data_juicer.plan.partitions import SourcePart

if TYPE_CHECKING:
    from data_juicer.formats.base import FragmentLimits

JoinFiles = Literal["auto", "always", "never"]
FILES_FROM: Final = 512
"""From so many small files on they are joined of their own accord: fewer cost less than two seconds, and are work for more workers
where each has its own partition."""
FILES_MAX: Final = 128
"""Of one partition, on average half of them: its own cost is a hundredth of that of as many partitions."""
BYTES_MAX: Final = 4_000_000
"""Of one partition of several files: with so many the work on its rows is far more than its own cost."""
_SMALL: Final = 0.25
"""A file that fills more of a partition than this is not joined."""
_FILLED_MIN: Final = 0.25
"""A partition ends nowhere before it is so full,"""
_ENDS_FACTOR: Final = 4.0
"""and then after a file as likely as so many times what the file fills of it: one in twenty gets full without an end."""


def join_parts(
    parts: Sequence[SourcePart], inputs: Mapping[int, int], limits: FragmentLimits
) -> list[tuple[SourcePart, ...]]:
    """The parts of each partition, in their order. All rows of a file are in one partition, or it is joined with no other.

    Args:
        inputs: source -> the input that named it; of two inputs nothing is joined, since a mixture takes other parts of each.
        limits: of a partition.
    """
    return list(_groups(parts, inputs, limits))


def count_small(parts: Sequence[SourcePart], limits: FragmentLimits) -> int:
    """How many files may be joined with others."""
    counts = Counter(part.fragment.source for part in parts)
    return sum(counts[part.fragment.source] == 1 and _is_small(part, limits) for part in parts)


class _Filled(NamedTuple):
    """What is in a partition so far."""

    rows: int = 0
    size_bytes: int = 0
    files: int = 0

    def add(self, part: SourcePart) -> _Filled:
        return _Filled(self.rows + part.fragment.rows, self.size_bytes + part.size_bytes, self.files + 1)

    def share(self, limits: FragmentLimits) -> float:
        """How much of the largest partition that is."""
        bytes_max = min(limits.size_bytes_max, BYTES_MAX)
        return max(self.rows / limits.rows_max, self.size_bytes / bytes_max, self.files / FILES_MAX)


def _groups(
    parts: Sequence[SourcePart], inputs: Mapping[int, int], limits: FragmentLimits
) -> Iterator[tuple[SourcePart, ...]]:
    counts = Counter(part.fragment.source for part in parts)
    group: list[SourcePart] = []
    filled = _Filled()
    for part in parts:
        source = part.fragment.source
        is_small = counts[source] == 1 and _is_small(part, limits)
        if group and not (
            is_small
            and inputs[source] == inputs[group[0].fragment.source]
            and filled.add(part).share(limits) <= 1
        ):
            yield tuple(group)
            group, filled = [], _Filled()
        group.append(part)
        filled = filled.add(part)
        if not is_small or (filled.share(limits) >= _FILLED_MIN and _is_end(part, limits)):
            yield tuple(group)
            group, filled = [], _Filled()
    if group:
        yield tuple(group)


def _is_small(part: SourcePart, limits: FragmentLimits) -> bool:
    return format_named(part.format).joins and _Filled().add(part).share(limits) <= _SMALL


def _is_end(part: SourcePart, limits: FragmentLimits) -> bool:
    """Whether a partition ends after this part, as its digest says."""
    drawn = int(part.fragment.digest[:8], 16) / (1 << 32)
    return drawn < _ENDS_FACTOR * _Filled().add(part).share(limits)
