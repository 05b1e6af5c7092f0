from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_juicer.errors import CheckpointCorruptError, NewerFormatError
from data_juicer.formats.base import Fragment, FragmentLimits, SourceFile
from data_juicer.plan.mapping import DatasetMapping, decode_mapping, decode_sources, encode_mapping
from data_juicer.plan.partitions import PartitionSpec, SourcePart, assign_partitions

LIMITS = FragmentLimits(rows_max=10, size_bytes_max=100)
SOURCE = SourceFile(
    index=0, path="/corpus.jsonl", format="jsonl", compression="none", size_bytes=2, mtime_ns=1
)


def parts(digests: str) -> list[SourcePart]:
    return [
        SourcePart(
            fragment=Fragment(
                source=0, row_start=row, row_stop=row + 1, byte_start=row, byte_stop=row + 1, digest=digest
            ),
            format="jsonl",
            source_path="/corpus.jsonl",
        )
        for row, digest in enumerate(digests)
    ]


def alone(digests: str) -> list[tuple[SourcePart, ...]]:
    return [(part,) for part in parts(digests)]


def ids(*history: str) -> list[int]:
    """Ids after inputs came one after the other; each letter is a fragment."""
    specs: list[PartitionSpec] = []
    for digests in history:
        specs = assign_partitions(alone(digests), specs)
    return [spec.partition_id for spec in specs]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (["abc"], [0, 1, 2]),
        (["abc", "abcd"], [0, 1, 2, 3]),
        (["abc", "abX"], [0, 1, 2]),
        (["abc", "Xabc"], [3, 0, 1, 2]),
        (["abc", "cab"], [2, 0, 1]),
        (["abc", "bc"], [1, 2]),
        (["abc", "bc", "bcd"], [1, 2, 0]),
        (["aab", "aba"], [0, 2, 1]),
        (["aa", "aaa"], [0, 1, 2]),
        (["abc", ""], []),
    ],
)
def test_a_fragment_keeps_its_id_wherever_it_stands(history: list[str], expected: list[int]) -> None:
    assert ids(*history) == expected


@given(st.lists(st.text("abc", max_size=8), min_size=2, max_size=4))
def test_ids_are_unique_and_as_many_known_fragments_as_can_keep_theirs(history: list[str]) -> None:
    before = assign_partitions(alone(history[-2]), assign_partitions(alone(history[0]), ()))
    after = assign_partitions(alone(history[-1]), before)
    assert len({spec.partition_id for spec in after}) == len(after)
    assert [spec.position for spec in after] == list(range(len(after)))
    present = {(spec.partition_id, spec.digest) for spec in before}
    kept = sum((spec.partition_id, spec.digest) in present for spec in after)
    assert kept == sum(min(history[-2].count(digest), history[-1].count(digest)) for digest in "abc")


def decode(data: bytes) -> DatasetMapping:
    return decode_mapping(data, "mapping.json", "/new/job/partitions")


def mapping() -> DatasetMapping:
    partitions = tuple(assign_partitions(alone("ab"), ()))
    return DatasetMapping(limits=LIMITS, materialize="auto", sources=(SOURCE,), partitions=partitions)


def test_a_mapping_comes_back_from_its_file() -> None:
    assert decode(encode_mapping(mapping())) == mapping()
    assert mapping().rows == 2
    assert decode_sources(encode_mapping(mapping()), "mapping.json") == (SOURCE,)


def test_copies_are_looked_for_where_the_job_is_now() -> None:
    one, other = mapping().partitions
    copied = msgspec.structs.replace(one, copy_path="/old/job/partitions/partition_000000.ab.jsonl")
    present = msgspec.structs.replace(mapping(), partitions=(copied, other))
    data = encode_mapping(present)
    assert b"/old" not in data
    assert [spec.path for spec in decode(data).partitions] == [
        "/new/job/partitions/partition_000000.ab.jsonl",
        "/corpus.jsonl",
    ]


def test_a_torn_or_garbled_mapping_is_damaged() -> None:
    data = encode_mapping(mapping())
    for garbled in (
        b"",
        data[:-1],
        data[: len(data) // 2],
        b"\xff" + data,
        b"[]",
        b"{}",
        b"[" * 9999,
        data.replace(b'"rows_max": 10', b'"rows_max": "x"'),
    ):
        with pytest.raises(CheckpointCorruptError, match=r"^mapping\.json: damaged"):
            decode(garbled)


def test_a_mapping_of_a_newer_version_is_refused() -> None:
    with pytest.raises(NewerFormatError, match="format_version 99"):
        decode(b'{"format_version":99,"anything":[]}')
