"""The kinds of operators that can be resolved in shards, and how each decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from data_juicer.engine.driver.shard_plans.counts import decide_by_counts
from data_juicer.engine.driver.shard_plans.groups import decide_by_groups
from data_juicer.engine.driver.shard_plans.pairs import decide_by_pairs
from data_juicer.engine.driver.shard_plans.ranks import decide_by_frequencies, decide_by_ranks
from data_juicer.engine.driver.shard_plans.shards import Shards

if TYPE_CHECKING:
    from data_juicer.ops.base import DatasetOperator
    from data_juicer.store.resolve.shards import ShardManifest


class Plan(msgspec.Struct, frozen=True):
    """How the resolve of one kind of operator is done in shards."""

    kind: type[Any]
    decide: Callable[[Shards, Any], list[ShardManifest]]
    """The shards of the last step, which hold the decisions about all partitions in their order."""
    keys: Callable[[Any], int]
    """How many keys of a row are looked at; 0: there is nothing to decide by."""


def plan_of(operator: DatasetOperator) -> Plan | None:
    """The plan of an operator; None where it decides in a way of its own."""
    return next(
        (
            plan
            for plan in _plans()
            if isinstance(operator, plan.kind) and type(operator).resolve is plan.kind.resolve
        ),
        None,
    )


def _plans() -> tuple[Plan, ...]:
    from data_juicer.ops.dataset.grouping.grouper import Grouper
    from data_juicer.ops.dataset.key_counts import KeyCounter
    from data_juicer.ops.dataset.pairs.remover import PairRemover
    from data_juicer.ops.dataset.ranks.frequencies import FrequencySelector
    from data_juicer.ops.dataset.ranks.selectors import RankSelector

    return (
        Plan(PairRemover, decide_by_pairs, lambda operator: operator.passes),
        Plan(KeyCounter, decide_by_counts, lambda operator: operator.keys_expected),
        Plan(RankSelector, decide_by_ranks, lambda operator: int(not operator.keeps_all)),
        Plan(FrequencySelector, decide_by_frequencies, lambda operator: int(not operator.keeps_all)),
        Plan(Grouper, decide_by_groups, lambda _: 1),
    )
