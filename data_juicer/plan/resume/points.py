"""Where a partition continues, and why not elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from data_juicer.plan.resume.cause import find_change
from data_juicer.store.manifest import Manifest, OperatorIdentity, stored_identity


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A committed checkpoint or result that cannot be used, and the first thing that differs."""

    manifest: Manifest
    reason: str
    changed_from: int | None = None
    """The first operator that is another one, where that is the reason."""


class _Reason(NamedTuple):
    text: str
    changed_from: int | None = None


class ResumePoint(msgspec.Struct, frozen=True, kw_only=True):
    """How far one partition is."""

    done: Manifest | None = None
    """Its result, if that is committed."""
    bases: tuple[Manifest, ...] = ()
    """The checkpoints that it may continue from without a result, the newest last; from its source if there are none."""
    refused: tuple[Refusal, ...] = ()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What this run would compute for one partition."""

    job: str
    partition_id: int
    fragment: str
    reader: str
    keys: tuple[str, ...]
    result_key: str
    operators: tuple[OperatorIdentity, ...] = ()
    dataset_operators: tuple[int, ...] = ()
    """Indices of the dataset operators."""


def find_resume_point(
    wanted: Wanted, results: Sequence[Manifest], checkpoints: Sequence[Manifest]
) -> ResumePoint:
    """The result if it is the wanted one, and every checkpoint whose key is.

    Args:
        results: committed results of this partition, at most one.
        checkpoints: committed checkpoints of this partition, in any order.
    """
    done, refused, bases = None, [], []
    for manifest in results:
        reason = _why_not(manifest, wanted, wanted.result_key)
        if reason is None:
            done = manifest
        else:
            refused.append(Refusal(manifest=manifest, reason=reason.text, changed_from=reason.changed_from))
    for manifest in sorted(checkpoints, key=lambda each: each.operator_index):
        index = manifest.operator_index
        reason = _why_not(manifest, wanted, wanted.keys[index + 1] if index + 1 < len(wanted.keys) else None)
        if reason is None:
            bases.append(manifest)
        else:
            refused.append(Refusal(manifest=manifest, reason=reason.text, changed_from=reason.changed_from))
    return ResumePoint(done=done, bases=tuple(bases), refused=tuple(refused))


def _why_not(manifest: Manifest, wanted: Wanted, key: str | None) -> _Reason | None:
    if manifest.job != wanted.job:
        return _Reason(f"it belongs to job {manifest.job}")
    if manifest.partition != wanted.partition_id:
        return _Reason(f"it belongs to partition {manifest.partition}")
    if manifest.key == key:
        return None
    if manifest.fragment != wanted.fragment:
        return _Reason("the input changed")
    if manifest.reader != wanted.reader:
        return _Reason("how the input is read changed")
    now = tuple(map(stored_identity, wanted.operators))
    change = find_change(manifest.operators, now)
    if change is not None:
        return _Reason(change.cause, change.operator_index)
    more = now[len(manifest.operators) :]
    if key is None or len(manifest.operators) > len(now):
        return _Reason("the recipe is shorter now")
    index = manifest.operator_index
    if any(dataset_operator <= index for dataset_operator in wanted.dataset_operators):
        return _Reason("the other rows that a dataset-wide operator before it saw changed")
    if manifest.kind != "result":
        return _Reason("a secret among the parameters changed, or its manifest was changed by hand")
    if more:
        return _Reason(f"{more[0].name} was put in at the end", len(manifest.operators))
    return _Reason("how rows are written out changed")
