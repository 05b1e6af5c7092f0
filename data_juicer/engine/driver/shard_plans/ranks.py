"""Resolves of selectors by rank in shards: the digits of bounds are found one after the other, each by a histogram of all keys.

Of the keys of rows the histograms are made over ranges of partitions, of those of values over what each shard has counted. The
driver adds them up: a fixed number of them, none larger than a digit has values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from data_juicer.engine.driver.shard_plans.shards import Shards, group_works, key_works, sections

if TYPE_CHECKING:
    from data_juicer.engine.protocol.shared_work import ResolveWork
    from data_juicer.ops.dataset.ranks.bound import Bound
    from data_juicer.ops.dataset.ranks.digits import Counts
    from data_juicer.ops.dataset.ranks.frequencies import FrequencySelector
    from data_juicer.ops.dataset.ranks.selectors import RankSelector
    from data_juicer.store.resolve.shards import Section, ShardManifest

    Bounds = tuple[Bound, ...]


def decide_by_ranks(shards: Shards, operator: RankSelector) -> list[ShardManifest]:
    """See `ops/dataset/ranks/selectors.py`. Raises: OperatorError: no row has such a field."""
    rows = sum(shards.rows)
    ranges = _ranges(shards)

    def works(round_number: int, bounds: Bounds) -> list[ResolveWork]:
        first = round_number * len(ranges)
        return [
            shards.work("rank", first + number, partitions=each, bounds=bounds)
            for number, each in enumerate(ranges)
        ]

    bounds = operator.bounds(rows)
    if operator.field_key:
        _need_values(shards, operator, works(0, bounds))
    bounds = _found(shards, bounds, works)
    return shards.shards(
        [shards.work("decide", number, bounds=bounds) for number in range(len(shards.groups) - 1)]
    )


def decide_by_frequencies(shards: Shards, operator: FrequencySelector) -> list[ShardManifest]:
    """See `ops/dataset/ranks/frequencies.py`. Raises: OperatorError: no row has such a field."""
    from data_juicer.ops.dataset.ranks.frequencies import VALUE

    counted = shards.shards(key_works(shards, "count", 1))
    values = sum(shard.size_bytes for shard in counted) // VALUE.itemsize

    def works(round_number: int, bounds: Bounds) -> list[ResolveWork]:
        first = round_number * len(counted)
        return [
            shards.work("rank", first + number, sections=shard.sections, bounds=bounds)
            for number, shard in enumerate(counted)
        ]

    bounds = _found(shards, (operator.bound(values, sum(shards.rows)),), works)
    chosen = sections(shards, key_works(shards, "choose", 1, bounds))
    return shards.shards(group_works(shards, "decide", chosen))


def _ranges(shards: Shards) -> list[tuple[int, int]]:
    """Partitions in ranges of about as many groups each: positions of the first one and of the one after the last."""
    groups = len(shards.groups) - 1
    count = min(shards.count, groups)
    cuts = [shards.groups[number * groups // count] for number in range(count + 1)]
    return list(pairwise(cuts))


def _found(shards: Shards, bounds: Bounds, works: Callable[[int, Bounds], Sequence[ResolveWork]]) -> Bounds:
    """The bounds with as many digits as they need.

    Args:
        works: the shards of a round, which leave a histogram for each bound that is not found yet.
    """
    from data_juicer.ops.dataset.ranks.digits import refined

    round_number = 0
    while not all(bound.is_found for bound in bounds):
        left = sections(shards, works(round_number, bounds))
        bounds = tuple(
            bound if bound.is_found else refined(bound, _histogram(shards, left, number))
            for number, bound in enumerate(bounds)
        )
        round_number += 1
    return bounds


def _need_values(shards: Shards, operator: RankSelector, works: Sequence[ResolveWork]) -> None:
    """Raises: OperatorError: no row has such a field."""
    from data_juicer.ops.dataset.selection import need_field

    counts = _histogram(shards, sections(shards, works), len(works[0].bounds) if works else 0)
    need_field(sum(shards.rows), int(counts.sum()), operator.field_key)


def _histogram(shards: Shards, left: Sequence[Section], number: int) -> Counts:
    from data_juicer.ops.dataset.ranks.digits import COUNT, dense

    return dense(shards.records(section, COUNT) for section in left if section.number == number)
