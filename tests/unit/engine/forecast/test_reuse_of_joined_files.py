"""What a forecast takes for reused where small files are joined."""

from __future__ import annotations

import msgspec
import pytest

from data_juicer.engine.forecast.reuse import unchanged_partitions
from data_juicer.formats.base import Fragment, FragmentLimits, SourceFile
from data_juicer.plan.mapping import DatasetMapping
from data_juicer.plan.partitions import SourcePart, assign_partitions


def source(index: int, name: str) -> SourceFile:
    return SourceFile(
        index=index, path=f"/in/{name}", format="jsonl", compression="none", size_bytes=9, mtime_ns=1
    )


def part(index: int, name: str) -> SourcePart:
    fragment = Fragment(source=index, row_start=0, row_stop=1, byte_start=0, byte_stop=9, digest=name)
    return SourcePart(fragment=fragment, format="jsonl", source_path=f"/in/{name}")


PIECES = [part(index, name) for index, name in enumerate("abcdef")]
MAPPING = DatasetMapping(
    limits=FragmentLimits(rows_max=10, size_bytes_max=100),
    materialize="auto",
    joins=True,
    sources=tuple(source(index, name) for index, name in enumerate("abcdef")),
    partitions=tuple(assign_partitions([PIECES[:3], PIECES[3:]], ())),
)


@pytest.mark.parametrize(
    ("names", "reused"),
    [
        ("abcdef", [0, 1]),
        ("abXcdef", [1]),
        ("abcXdef", [0, 1]),
        ("abcdeXf", [0]),
        ("acdef", [1]),
        ("abcdeF", [0]),
        ("defabc", [0, 1]),
        ("", []),
    ],
)
def test_a_partition_is_reused_where_its_files_are_together_as_they_were(
    names: str, reused: list[int]
) -> None:
    """A capital letter is a file that was changed, but X is a new one."""
    now = [
        msgspec.structs.replace(
            source(index, name.lower()), mtime_ns=1 if name.islower() or name == "X" else 2
        )
        for index, name in enumerate(names)
    ]
    assert [spec.partition_id for spec in unchanged_partitions(MAPPING, now)] == reused
