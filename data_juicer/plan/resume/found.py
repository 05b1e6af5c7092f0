"""What a run finds of earlier ones, and what it would do: manifests are read, nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from data_juicer.job.layout import JobLayout
from data_juicer.plan.jobplan import JobPlan, plan_job, plan_results
from data_juicer.plan.keys import KeyMaker
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.phases import ResolvePlan, plan_resolves
from data_juicer.plan.resume.damage import Damage
from data_juicer.plan.resume.inventory import Inventory, take_checkpoints
from data_juicer.plan.resume.results import read_results
from data_juicer.storage.base import Store
from data_juicer.store.commit import read_manifest


class FoundPlan(msgspec.Struct, frozen=True, kw_only=True):
    plan: JobPlan
    """With everything that is refused, summaries and decisions included."""
    resolves: ResolvePlan
    inventory: Inventory
    """With everything that is damaged."""


def find_plan(
    store: Store, layout: JobLayout, partitions: Sequence[PartitionSpec], keys: KeyMaker
) -> FoundPlan:
    """Sort what is committed into what this run can use and what not. Raises: StoreError."""
    damaged: list[Damage] = []
    results = read_results(store, layout, damaged)
    plan = plan_results(layout.job_id, partitions, results, keys, lambda path: read_manifest(store, path))
    done = plan.done
    inventory = take_checkpoints(store, layout, lambda partition: partition not in done)
    inventory.damaged[:0] = damaged
    plan = plan_job(layout.job_id, partitions, inventory, keys, plan)
    resolves = plan_resolves(partitions, inventory, keys)
    plan.refused += resolves.refused
    return FoundPlan(plan=plan, resolves=resolves, inventory=inventory)
