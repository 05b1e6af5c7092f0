"""What a run has to do: which partitions are done, where the others continue, what stands in the way. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from data_juicer.plan.keys import KeyMaker
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.resume.inventory import Inventory
from data_juicer.plan.resume.points import Wanted, find_resume_point
from data_juicer.store.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A committed file that this run cannot use: it is set aside, and told why."""

    path: str
    partition_id: int | None
    """None for the decisions of a dataset-wide operator."""
    operator_index: int
    reason: str


@dataclass(slots=True, kw_only=True)
class JobPlan:
    pending: list[int] = field(default_factory=list)
    """Partition ids in the order of the input."""
    done: dict[int, Manifest] = field(default_factory=dict)
    """Results that are committed."""
    checkpoints: dict[int, list[Manifest]] = field(default_factory=dict)
    """Of pending partitions: what they may continue from, the newest last."""
    fallbacks: dict[int, list[Manifest]] = field(default_factory=dict)
    """The same of partitions that are done, for the case that a result turns out damaged when it is read."""
    refused: list[Refused] = field(default_factory=list)


def plan_job(job: str, partitions: Sequence[PartitionSpec], inventory: Inventory, keys: KeyMaker) -> JobPlan:
    """Decide for every partition.

    A checkpoint with another key than this run's stands where this run may want to commit: it is refused, and so is
    all of a partition that is no more.
    """
    plan = JobPlan()
    for partition in partitions:
        pid = partition.partition_id
        result, held = inventory.results.get(pid), inventory.checkpoints.get(pid, [])
        if result is None and not held:
            plan.pending.append(pid)
            continue
        made = keys.keys(partition.digest, partition.position)
        wanted = Wanted(
            job=job,
            partition_id=pid,
            fragment=partition.digest,
            reader=keys.reader,
            keys=made,
            result_key=keys.result_key(made[-1]),
            operators=keys.operators,
            barriers=tuple(keys.resolve_keys),
        )
        point = find_resume_point(wanted, [result[1]] if result else [], [manifest for _, manifest in held])
        paths = {id(manifest): path for path, manifest in [*held, *([result] if result else [])]}
        plan.refused += [
            Refused(
                path=paths[id(refusal.manifest)],
                partition_id=pid,
                operator_index=refusal.manifest.operator_index,
                reason=refusal.reason,
            )
            for refusal in point.refused
        ]
        if point.done is not None:
            plan.done[pid] = point.done
            plan.fallbacks[pid] = list(point.bases)
            continue
        plan.pending.append(pid)
        if point.bases:
            plan.checkpoints[pid] = list(point.bases)
    plan.refused += _of_partitions_no_more(partitions, inventory)
    return plan


def _of_partitions_no_more(partitions: Sequence[PartitionSpec], inventory: Inventory) -> list[Refused]:
    known = {partition.partition_id for partition in partitions}
    gone = {pid: [entry] for pid, entry in inventory.results.items() if pid not in known}
    for pid, entries in inventory.checkpoints.items():
        if pid not in known:
            gone[pid] = [*gone.get(pid, []), *entries]
    return [
        Refused(
            path=path,
            partition_id=pid,
            operator_index=manifest.operator_index,
            reason="the input has no such partition any more",
        )
        for pid, entries in sorted(gone.items())
        for path, manifest in entries
    ]
