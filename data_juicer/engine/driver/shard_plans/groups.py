"""Resolves of groupers in shards; see `ops/dataset/grouping/members.py`."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from data_juicer.engine.driver.shard_plans.shards import (
    Shards,
    group_works,
    key_works,
    sections,
    sections_of_groups,
)
from data_juicer.ops.dataset.grouping.cut import GroupCut, share_of

if TYPE_CHECKING:
    from data_juicer.ops.dataset.grouping.grouper import Grouper
    from data_juicer.store.resolve.shards import ShardManifest


def decide_by_groups(shards: Shards, _: Grouper) -> list[ShardManifest]:
    groups = len(shards.groups) - 1
    met = sections(shards, key_works(shards, "meet", 1))
    parts = [shards.records(section, "<i8") for section in met if section.number == groups]
    sizes = [int(sum(part[number] for part in parts)) for number in range(groups)]
    share_bytes = share_of(sum(sizes), len(shards.rows))
    members = sections_of_groups(shards, [section for section in met if section.number < groups])
    works = [
        shards.work(
            "arrange",
            number,
            sections=members[number],
            cut=GroupCut(bytes_before=before, share_bytes=share_bytes),
        )
        for number, before in enumerate(accumulate(sizes[:-1], initial=0))
    ]
    return shards.shards(group_works(shards, "decide", sections(shards, works)))
