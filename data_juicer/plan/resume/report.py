"""metadata/resume_report.json: what a run took up from earlier ones, what not, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.errors import CheckpointCorruptError, JobError
from data_juicer.store.versioned_json import FORMAT_VERSION, VersionedJson

if TYPE_CHECKING:
    from data_juicer.job.layout import JobLayout
    from data_juicer.plan.jobplan import JobPlan
    from data_juicer.plan.resume.inventory import Inventory
    from data_juicer.store.manifest import OperatorIdentity


class RefusedRecord(msgspec.Struct, frozen=True, kw_only=True):
    partition: int | None
    operator_index: int
    file: str
    reason: str
    changed_from: int | None = None
    """The first operator that is another one, where that is the reason."""


class ResumeReport(msgspec.Struct, frozen=True, kw_only=True):
    """Of the newest run."""

    format_version: int = FORMAT_VERSION
    run: int
    partitions_done: int
    partitions_pending: int
    continued: dict[int, int]
    """Partition -> the operator whose checkpoint it goes on from; others begin at their source."""
    refused: tuple[RefusedRecord, ...]
    damaged: dict[str, str]
    """File -> what is wrong with it."""
    operators: tuple[str, ...] = ()
    """Names of the operators of the recipe, in its order."""


_CODEC: Final = VersionedJson(ResumeReport)


def resume_report(
    run: int, plan: JobPlan, inventory: Inventory, layout: JobLayout, operators: Iterable[OperatorIdentity]
) -> ResumeReport:
    """Files are named as `JobLayout.relative` does, since the job's directories may be moved."""
    return ResumeReport(
        run=run,
        partitions_done=len(plan.done),
        partitions_pending=len(plan.pending),
        continued={pid: manifests[-1].operator_index for pid, manifests in plan.checkpoints.items()},
        refused=tuple(
            RefusedRecord(
                partition=refused.partition_id,
                operator_index=refused.operator_index,
                file=layout.relative(refused.path),
                reason=refused.reason,
                changed_from=refused.changed_from,
            )
            for refused in plan.refused
        ),
        damaged={layout.relative(damage.path): damage.reason for damage in inventory.damaged},
        operators=tuple(operator.name for operator in operators),
    )


def encode_resume_report(report: ResumeReport) -> bytes:
    return _CODEC.encode(report, indent=1)


def decode_resume_report(data: bytes, path: str) -> ResumeReport:
    """Raises: JobError: the file is damaged. NewerFormatError."""
    try:
        return _CODEC.decode(data, path)
    except CheckpointCorruptError as error:
        raise JobError(
            f"{error} Nothing was changed and nothing depends on it; the next run of the job makes it anew."
        ) from error
