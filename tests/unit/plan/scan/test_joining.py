"""Which small files are read as one partition, and that a change of one of them stays where it is."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import chain

import msgspec
import pytest
import xxhash

from data_juicer.formats.base import Fragment, FragmentLimits
from data_juicer.plan.partitions import SourcePart, assign_partitions, identity_of
from data_juicer.plan.scan.joining import FILES_MAX, count_small, join_parts

LIMITS = FragmentLimits(rows_max=1000, size_bytes_max=64_000_000)


def part(source: int, name: str, rows: int = 1, size: int = 200, kind: str = "jsonl") -> SourcePart:
    digest = xxhash.xxh3_128_hexdigest(name.encode())
    fragment = Fragment(
        source=source, row_start=0, row_stop=rows, byte_start=0, byte_stop=size, digest=digest, line_start=1
    )
    return SourcePart(fragment=fragment, format=kind, source_path=f"/in/{name}")


def files(names: Sequence[str]) -> list[SourcePart]:
    return [part(source, name) for source, name in enumerate(names)]


def joined(parts: Sequence[SourcePart], limits: FragmentLimits = LIMITS) -> list[tuple[SourcePart, ...]]:
    return join_parts(parts, dict.fromkeys((each.fragment.source for each in parts), 0), limits)


def named(number: int) -> list[str]:
    return [f"file {each}" for each in range(number)]


def test_files_keep_their_order_and_no_partition_is_larger_than_it_may_be() -> None:
    parts = files(named(3000))
    groups = joined(parts)
    assert list(chain.from_iterable(groups)) == parts
    assert max(map(len, groups)) <= FILES_MAX
    assert len(groups) < len(parts) / 40


@pytest.mark.parametrize(
    "limits", [LIMITS, FragmentLimits(rows_max=10, size_bytes_max=1 << 20)], ids=["by files", "by rows"]
)
@pytest.mark.parametrize("what", ["added", "removed", "changed"])
def test_a_change_of_one_file_leaves_all_partitions_alone_but_those_beside_it(
    what: str, limits: FragmentLimits
) -> None:
    names = named(1500)
    before = {identity_of(group) for group in joined(files(names), limits)}
    others = []
    for seed in range(30):
        at = random.Random(seed).randrange(len(names))
        if what == "added":
            after = [*names[:at], f"new {seed}", *names[at:]]
        elif what == "removed":
            after = [*names[:at], *names[at + 1 :]]
        else:
            after = [*names[:at], f"new {seed}", *names[at + 1 :]]
        groups = joined(files(after), limits)
        others.append(sum(identity_of(group) not in before for group in groups))
    assert sum(others) / len(others) < 3
    assert max(others) < 12


def test_partitions_that_stay_keep_their_ids() -> None:
    names = named(1500)
    before = assign_partitions(joined(files(names)), ())
    after = assign_partitions(joined(files(["new", *names])), before)
    ids = {spec.identity: spec.partition_id for spec in before}
    kept = [spec for spec in after if spec.identity in ids]
    assert len(kept) >= len(before) - 2
    assert all(ids[spec.identity] == spec.partition_id for spec in kept)


def test_equal_files_are_joined_too() -> None:
    groups = joined([part(source, "same") for source in range(1000)])
    assert len(groups) <= 1000 / (FILES_MAX / 4)


def test_large_files_files_in_several_fragments_and_types_stand_alone() -> None:
    large = part(2, "large", size=2_000_000)
    tail = part(5, "tail")
    cut = [part(5, "head", rows=1000), tail]
    table = part(7, "table", kind="parquet")
    small = [part(source, f"small {source}") for source in (0, 1, 3, 4, 6, 8, 9)]
    order = [*small[:2], large, *small[2:4], *cut, small[4], table, *small[5:]]
    groups = joined(order)
    for alone in (large, *cut, table):
        assert (alone,) in groups
    assert list(chain.from_iterable(groups)) == order
    assert count_small(order, LIMITS) == len(small)


def test_files_of_two_inputs_are_not_joined() -> None:
    parts = files(named(60))
    groups = join_parts(parts, {source: int(source >= 30) for source in range(60)}, LIMITS)
    assert all(len({each.fragment.source >= 30 for each in group}) == 1 for group in groups)


def test_the_identity_of_joined_files_covers_each_of_them_and_their_order() -> None:
    one, two, other = files(["one", "two", "other"])
    suffixed = msgspec.structs.replace(two, fragment=msgspec.structs.replace(two.fragment, suffix=".c"))
    groups = [(one, two), (two, one), (one, other), (one, suffixed), (one,), (one, two, other)]
    assert len({identity_of(group) for group in groups}) == len(groups)
