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
from data_juicer.plan.resume.done_results import DoneResults
from data_juicer.plan.resume.inventory import Inventory, take_checkpoints
from data_juicer.plan.resume.result_index import INDEXED_MIN, Record, ResultIndex
from data_juicer.plan.resume.results import ResultManifests
from data_juicer.portable import escape
from data_juicer.storage.base import Store
from data_juicer.store.commit import read_manifest


class FoundPlan(msgspec.Struct, frozen=True, kw_only=True):
    plan: JobPlan
    """With everything that is refused, summaries and decisions included."""
    resolves: ResolvePlan
    inventory: Inventory
    """With everything that is damaged."""


def find_plan(
    store: Store,
    layout: JobLayout,
    partitions: Sequence[PartitionSpec],
    keys: KeyMaker,
    index: ResultIndex | None = None,
    settled_ns: int = 0,
) -> FoundPlan:
    """Sort what is committed into what this run can use and what not.

    Args:
        index: results that were found to be wanted before; those that are found now are added.
        settled_ns: manifests that were written before this time are added to it.
    Raises: StoreError.
    """
    damaged: list[Damage] = []
    is_indexed = len(partitions) >= INDEXED_MIN
    manifests = ResultManifests(store, layout, settled_ns if is_indexed else 0)
    done = DoneResults(index if is_indexed else None, layout.job_id, keys.reader)
    if is_indexed:
        _take_indexed(done, manifests, partitions, keys)
    plan = plan_results(
        layout.job_id,
        partitions,
        manifests.read(damaged, without=done),
        keys,
        lambda path: read_manifest(store, path),
        JobPlan(done=done),
    )
    done.flush()
    inventory = take_checkpoints(store, layout, lambda partition: partition not in done)
    inventory.damaged[:0] = damaged
    plan = plan_job(layout.job_id, partitions, inventory, keys, plan)
    resolves = plan_resolves(partitions, inventory, keys)
    plan.refused += resolves.refused
    return FoundPlan(plan=plan, resolves=resolves, inventory=inventory)


def _take_indexed(
    done: DoneResults, manifests: ResultManifests, partitions: Sequence[PartitionSpec], keys: KeyMaker
) -> None:
    """Take results whose records say that they are of these fragments, and whose manifests are those of the records."""
    known = {partition.partition_id: partition for partition in partitions}

    def is_wanted(record: Record) -> bool:
        partition = known.get(record.partition)
        return (
            partition is not None
            and record.fragment == escape(partition.digest)
            and record.place == keys.place(partition.position)
            and bool(record.version)
            and record.version == manifests.version(record.partition)
            and manifests.find_missing(record.partition, record.files, record.dead_letters) is None
        )

    done.take(is_wanted)
