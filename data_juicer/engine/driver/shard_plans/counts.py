"""Resolves in shards that count the rows with each key; see `ops/dataset/key_counts.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_juicer.engine.driver.shard_plans.shards import Shards, key_works, sections

if TYPE_CHECKING:
    from data_juicer.ops.dataset.key_counts import KeyCounter
    from data_juicer.store.resolve.shards import ShardManifest


def decide_by_counts(shards: Shards, _: KeyCounter) -> list[ShardManifest]:
    frequent = sections(shards, key_works(shards, "count", 1))
    groups = range(len(shards.groups) - 1)
    return shards.shards([shards.work("decide", number, sections=frequent) for number in groups])
