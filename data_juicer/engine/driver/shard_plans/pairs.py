"""Resolves in shards that compare pairs of rows; see `ops/dataset/pairs/shards.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_juicer.engine.driver.shard_plans.shards import Shards, group_works, key_works, sections

if TYPE_CHECKING:
    from data_juicer.ops.dataset.pairs.remover import PairRemover
    from data_juicer.store.resolve.shards import ShardManifest


def decide_by_pairs(shards: Shards, operator: PairRemover) -> list[ShardManifest]:
    pairs = sections(shards, key_works(shards, "meet", operator.passes))
    if operator.sketch_bytes:
        pairs = sections(shards, group_works(shards, "compare", pairs))
    moved = sections(shards, [shards.work("join", 0, sections=pairs)])
    return shards.shards(group_works(shards, "decide", moved))
