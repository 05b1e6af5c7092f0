"""Where a partition continues, and why not elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from data_juicer.store.manifest import Manifest, OperatorIdentity, stored_identity


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A committed checkpoint or result that cannot be used, and the first thing that differs."""

    manifest: Manifest
    reason: str


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
            refused.append(Refusal(manifest=manifest, reason=reason))
    for manifest in sorted(checkpoints, key=lambda held: held.operator_index):
        index = manifest.operator_index
        reason = _why_not(manifest, wanted, wanted.keys[index + 1] if index + 1 < len(wanted.keys) else None)
        if reason is None:
            bases.append(manifest)
        else:
            refused.append(Refusal(manifest=manifest, reason=reason))
    return ResumePoint(done=done, bases=tuple(bases), refused=tuple(refused))


def _why_not(manifest: Manifest, wanted: Wanted, key: str | None) -> str | None:
    if manifest.job != wanted.job:
        return f"it belongs to job {manifest.job}"
    if manifest.partition != wanted.partition_id:
        return f"it belongs to partition {manifest.partition}"
    if manifest.key == key:
        return None
    if manifest.fragment != wanted.fragment:
        return "the input changed"
    if manifest.reader != wanted.reader:
        return "how the input is read changed"
    if key is None:
        return "the recipe is shorter now"
    index = manifest.operator_index
    is_after = any(dataset_operator <= index for dataset_operator in wanted.dataset_operators)
    if is_after and manifest.operators == tuple(map(stored_identity, wanted.operators[: index + 1])):
        return "the other rows that a dataset-wide operator before it saw changed"
    return "an operator, its parameters, its code or the order of operators changed"
