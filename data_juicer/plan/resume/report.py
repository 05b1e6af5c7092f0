"""metadata/resume_report.json: what a run took up from earlier ones, what not, and why. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from data_juicer.errors import JobError

if TYPE_CHECKING:
    from data_juicer.plan.jobplan import JobPlan
    from data_juicer.plan.resume.inventory import Inventory


class RefusedRecord(msgspec.Struct, frozen=True, kw_only=True):
    partition: int | None
    operator_index: int
    file: str
    reason: str


class ResumeReport(msgspec.Struct, frozen=True, kw_only=True):
    """Of the newest run."""

    format_version: int = 1
    run: int
    partitions_done: int
    partitions_pending: int
    continued: dict[int, int]
    """Partition -> the operator whose checkpoint it goes on from; others begin at their source."""
    refused: tuple[RefusedRecord, ...]
    damaged: dict[str, str]


def encode_resume_report(run: int, plan: JobPlan, inventory: Inventory) -> bytes:
    report = ResumeReport(
        run=run,
        partitions_done=len(plan.done),
        partitions_pending=len(plan.pending),
        continued={pid: held[-1].operator_index for pid, held in plan.checkpoints.items()},
        refused=tuple(
            RefusedRecord(
                partition=refused.partition_id,
                operator_index=refused.operator_index,
                file=refused.path,
                reason=refused.reason,
            )
            for refused in plan.refused
        ),
        damaged={damage.path: damage.reason for damage in inventory.damaged},
    )
    return msgspec.json.format(msgspec.json.encode(report), indent=1)


def decode_resume_report(data: bytes, path: str) -> ResumeReport:
    """Raises: JobError: the file is damaged, or of a newer version."""
    try:
        return msgspec.json.decode(data, type=ResumeReport)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise JobError(
            f"{path}: not a whole report ({error}). The next run of the job makes it anew."
        ) from error
