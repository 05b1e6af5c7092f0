"""What a run has to do: which partitions are done, where the others continue, what is in the way. Pure."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from itertools import accumulate
from typing import Final

import msgspec

from data_juicer.plan.keys import KeyMaker
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.resume.done_results import DoneResults
from data_juicer.plan.resume.inventory import Inventory
from data_juicer.plan.resume.points import Refusal, Wanted, find_resume_point
from data_juicer.plan.resume.results import FoundResult
from data_juicer.store.manifest import Manifest

NO_MORE: Final = "the input has no such partition any more"


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A committed file that this run cannot use: it is set aside, and the reason is kept."""

    path: str
    partition_id: int | None
    """None for the decisions of a dataset operator."""
    operator_index: int
    reason: str
    changed_from: int | None = None
    """The first operator that is another one, where that is the reason."""


class JobPlan(msgspec.Struct, kw_only=True):
    pending: list[int] = msgspec.field(default_factory=list)
    """Partition ids in the order of the input."""
    done: DoneResults = msgspec.field(default_factory=DoneResults)
    """Results that are committed."""
    checkpoints: dict[int, list[Manifest]] = msgspec.field(default_factory=dict)
    """Of pending partitions: what they may continue from, the newest last."""
    refused: list[Refused] = msgspec.field(default_factory=list)


def plan_results(
    job: str,
    partitions: Sequence[PartitionSpec],
    results: Iterable[FoundResult],
    keys: KeyMaker,
    load: Callable[[str], Manifest],
    plan: JobPlan | None = None,
) -> JobPlan:
    """Decide for every committed result whether it is the one that this run would make.

    Args:
        load: reads all of a manifest, of which more is needed to say why it is refused.
        plan: what is known already, which is filled in.
    """
    plan = plan or JobPlan()
    known = {partition.partition_id: partition for partition in partitions}
    for found in results:
        path, result = found.path, found.result
        partition = known.get(result.partition)
        if partition is None:
            plan.refused.append(
                Refused(
                    path=path,
                    partition_id=result.partition,
                    operator_index=result.operator_index,
                    reason=NO_MORE,
                )
            )
            continue
        made = keys.keys(partition.digest, partition.position)
        if result.job == job and result.key == keys.result_key(made[-1]):
            plan.done.add(result, partition.digest, keys.place(partition.position), found.version)
            continue
        point = find_resume_point(_wanted(job, partition, keys), [load(path)], [])
        plan.refused += [_refused(path, refusal) for refusal in point.refused]
    return plan


def plan_job(
    job: str,
    partitions: Iterable[PartitionSpec],
    inventory: Inventory,
    keys: KeyMaker,
    plan: JobPlan | None = None,
) -> JobPlan:
    """Decide where every partition that has no result continues.

    A checkpoint with another key than this run's is where this run may want to commit: it is refused, and so is
    all of a partition that is no more.

    Args:
        plan: what `plan_results` found, which is filled in; nothing is done without one.
    """
    plan = plan or JobPlan()
    known = set()
    for partition in partitions:
        pid = partition.partition_id
        known.add(pid)
        if pid in plan.done:
            continue
        plan.pending.append(pid)
        checkpoints = inventory.checkpoints.get(pid)
        if checkpoints:
            point = find_resume_point(
                _wanted(job, partition, keys), [], [manifest for _, manifest in checkpoints]
            )
            paths = {id(manifest): path for path, manifest in checkpoints}
            plan.refused += [_refused(paths[id(refusal.manifest)], refusal) for refusal in point.refused]
            if point.bases:
                plan.checkpoints[pid] = list(point.bases)
    plan.refused += _of_partitions_no_more(known, inventory)
    return plan


def passed_bytes(partitions: Iterable[PartitionSpec], plan: JobPlan, operators: int) -> tuple[int, ...]:
    """Bytes of the input whose rows have passed `read` and each operator, as far as that is committed.

    Args:
        operators: how many the recipe has.
    """
    ends = [0] * (operators + 1)
    for partition in partitions:
        checkpoints = plan.checkpoints.get(partition.partition_id)
        if partition.partition_id in plan.done:
            ends[-1] += partition.size_bytes
        elif checkpoints:
            ends[checkpoints[-1].operator_index + 1] += partition.size_bytes
    return tuple(reversed(list(accumulate(reversed(ends)))))


def _wanted(job: str, partition: PartitionSpec, keys: KeyMaker) -> Wanted:
    made = keys.keys(partition.digest, partition.position)
    return Wanted(
        job=job,
        partition_id=partition.partition_id,
        fragment=partition.digest,
        reader=keys.reader,
        keys=made,
        result_key=keys.result_key(made[-1]),
        operators=keys.operators,
        dataset_operators=tuple(keys.resolve_keys),
    )


def _refused(path: str, refusal: Refusal) -> Refused:
    return Refused(
        path=path,
        partition_id=refusal.manifest.partition,
        operator_index=refusal.manifest.operator_index,
        reason=refusal.reason,
        changed_from=refusal.changed_from,
    )


def _of_partitions_no_more(known: Container[int], inventory: Inventory) -> list[Refused]:
    return [
        Refused(path=path, partition_id=pid, operator_index=manifest.operator_index, reason=NO_MORE)
        for pid, entries in sorted(inventory.checkpoints.items())
        if pid not in known
        for path, manifest in entries
    ]
