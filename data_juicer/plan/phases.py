"""What is left to do at each dataset operator: which summaries are missing, and whether it is resolved. Pure.

A recipe with dataset operators is run in phases. Each phase but the last brings partitions up to one of them and ends
with their summaries; once all are there it is resolved, and its decisions are applied at the start of the next phase.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from data_juicer.plan.jobplan import Refused
from data_juicer.plan.keys import KeyMaker
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.resume.inventory import Inventory
from data_juicer.store.decisions import ResolveManifest
from data_juicer.store.manifest import Manifest


class ResolveStep(msgspec.Struct, kw_only=True):
    """One dataset operator as this run finds it; what the run adds is filled in."""

    operator_index: int
    key: str
    summaries: dict[int, Manifest] = msgspec.field(default_factory=dict)
    """Those that are committed, by partition."""
    resolve: ResolveManifest | None = None


class ResolvePlan(msgspec.Struct, frozen=True, kw_only=True):
    steps: tuple[ResolveStep, ...] = ()
    """In the order of the recipe."""
    refused: tuple[Refused, ...] = ()


def plan_resolves(partitions: Sequence[PartitionSpec], inventory: Inventory, keys: KeyMaker) -> ResolvePlan:
    """Compare what is committed with what this run would compute."""
    dataset_operators = {
        index: ResolveStep(operator_index=index, key=key) for index, key in sorted(keys.resolve_keys.items())
    }
    wanted = _summary_keys(partitions, keys) if inventory.summaries else {}
    refused = []
    for (partition, index), (path, manifest) in sorted(inventory.summaries.items()):
        if wanted.get((partition, index)) == manifest.key:
            dataset_operators[index].summaries[partition] = manifest
        else:
            refused.append(
                Refused(
                    path=path,
                    partition_id=partition,
                    operator_index=index,
                    reason="rows before a dataset-wide operator changed, or how it sees them",
                )
            )
    for index, (path, resolve) in sorted(inventory.resolves.items()):
        reason = _why_not(resolve, dataset_operators.get(index), len(partitions))
        if reason is None:
            dataset_operators[index].resolve = resolve
        else:
            refused.append(Refused(path=path, partition_id=None, operator_index=index, reason=reason))
    return ResolvePlan(steps=tuple(dataset_operators.values()), refused=tuple(refused))


def _why_not(resolve: ResolveManifest, dataset_operator: ResolveStep | None, partitions: int) -> str | None:
    if dataset_operator is None or dataset_operator.key != resolve.key:
        return "rows that a dataset-wide operator saw changed, or the operator"
    if resolve.collects_rows and len(dataset_operator.summaries) < partitions:
        return "rows that it collects are not there any more"
    return None


def _summary_keys(partitions: Sequence[PartitionSpec], keys: KeyMaker) -> dict[tuple[int, int], str]:
    """The key of each summary that this run wants, by partition and operator."""
    made = ((spec.partition_id, keys.keys(spec.digest, spec.position)) for spec in partitions)
    return {
        (partition, index): keys.summary_key(chain[index], index)
        for partition, chain in made
        for index in keys.resolve_keys
    }
