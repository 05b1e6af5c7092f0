"""What workers tell, as events: the one producer of PARTITION_*, OP_* and CHECKPOINT_* events."""

from __future__ import annotations

from collections.abc import Sequence

from data_juicer.engine.protocol import messages as m
from data_juicer.engine.scheduling import events as e
from data_juicer.events import types as t
from data_juicer.events.log import EventLog
from data_juicer.events.payloads import (
    SET_ASIDE,
    AttemptFailure,
    AttemptOutcome,
    AttemptStart,
    CheckpointFile,
    OperatorFailure,
)
from data_juicer.plan.resume.results import CommittedResult
from data_juicer.plan.tasks import TaskKind
from data_juicer.store.ledger import OperatorLedger
from data_juicer.store.manifest import Manifest


class EventRecorder:
    def __init__(self, log: EventLog, operators: Sequence[str]) -> None:
        self.log = log
        self._operators = tuple(operators)
        self.worker_requests = 0
        """That workers of this run have reported, with stores of their own."""

    def attempt_started(self, attempt: m.Attempt, message: m.AttemptStarted) -> None:
        begin = attempt.base.operator_index + 1 if attempt.base else 0
        self.log.record(
            t.PartitionStart(
                partition_id=attempt.partition.partition_id,
                attempt=attempt.name,
                data=AttemptStart(
                    operation_idx_start=begin,
                    worker=message.worker,
                    node=message.node,
                    size_bytes=attempt.partition.size_bytes,
                ),
            )
        )

    def operator_started(self, message: m.OperatorStarted) -> None:
        self.log.record(
            t.OpStart(
                partition_id=message.task.number,
                operation_name=self._operators[message.operator_index],
                operation_idx=message.operator_index,
                attempt=message.attempt,
            )
        )

    def operator_done(self, message: m.OperatorDone) -> None:
        ledger = message.ledger
        self.log.record(t.OpComplete.of(message.task.number, message.attempt, ledger))
        if ledger.rows_dead_letter:
            self._set_aside(message, ledger)

    def _set_aside(self, message: m.OperatorDone, ledger: OperatorLedger) -> None:
        failure = OperatorFailure(
            error_type=SET_ASIDE,
            error="rows could not be processed and were set aside",
            rows_dead_letter=ledger.rows_dead_letter,
        )
        self.log.record(
            t.OpFailed(
                partition_id=message.task.number,
                operation_name=ledger.name,
                operation_idx=ledger.index,
                attempt=message.attempt,
                data=failure,
            )
        )

    def checkpoint_loaded(self, message: m.CheckpointLoaded, base: Manifest) -> None:
        self.log.record(
            t.CheckpointLoad(
                partition_id=message.task.number,
                operation_name=base.operator_name,
                operation_idx=base.operator_index,
                attempt=message.attempt,
                duration_s=message.duration_s,
                rows=message.rows,
                data=CheckpointFile(file=base.files[-1].name, size_bytes=base.files[-1].size_bytes),
            )
        )

    def checkpoint_saved(self, manifest: Manifest) -> None:
        file = manifest.files[-1]
        self.log.record(
            t.CheckpointSave(
                partition_id=manifest.partition,
                operation_name=manifest.operator_name,
                operation_idx=manifest.operator_index,
                attempt=manifest.attempt,
                duration_s=manifest.save_s,
                rows=manifest.rows,
                data=CheckpointFile(
                    file=file.name, size_bytes=file.size_bytes, is_summary=manifest.kind == "summary"
                ),
            )
        )

    def attempt_done(self, message: m.AttemptDone) -> None:
        self.worker_requests += message.requests

    def partition_done(self, message: m.AttemptDone, result: Manifest) -> None:
        self.log.record(
            t.PartitionComplete(
                partition_id=message.task.number,
                attempt=message.attempt,
                duration_s=message.duration_s,
                rows=result.rows,
                data=AttemptOutcome(
                    rows_in=result.ledgers[0].rows_in,
                    size_bytes=sum(file.size_bytes for file in result.files),
                ),
            )
        )

    def attempt_failed(self, message: m.AttemptFailed, duration_s: float, retry_in_s: float | None) -> None:
        index = message.operator_index
        self.log.record(
            t.PartitionFailed(
                partition_id=message.task.number,
                attempt=message.attempt,
                duration_s=duration_s,
                operation_name=None if index is None else self._operators[index],
                operation_idx=index,
                data=AttemptFailure(
                    error_type=message.error_type, error=message.message, retry_in_s=retry_in_s
                ),
            )
        )
        if message.trace:
            self.log.record(t.DebugNotice(message=message.trace, partition_id=message.task.number))

    def task_failed(self, task: str, message: m.AttemptFailed, retry_in_s: float | None) -> None:
        """An attempt of a task that is not about one partition failed. None: that ends the run, whose error names it."""
        if retry_in_s is not None:
            again = f"it is made again in {retry_in_s:.1f} s"
            self.warn(f"{task}: attempt {message.attempt} failed ({message.message}); {again}")
        if message.trace:
            self.log.record(t.DebugNotice(message=message.trace))

    def checkpoint_choice(self, operator_index: int, saves: int, message: str) -> None:
        """Why checkpoints follow an operator or do not, with the strategy auto."""
        self.log.record(
            t.DebugNotice(
                message=message,
                operation_name=self._operators[operator_index],
                operation_idx=operator_index,
                data={t.CHECKPOINTS_CHOSEN: saves},
            )
        )

    # ---- copies of attempts that took too long

    def copy_started(
        self, task: str, partition_id: int | None, copy: str, straggler: str, why: e.SubmitCopy
    ) -> None:
        """
        Args:
            task: what it is an attempt of, for people; so in the others.
            partition_id: the partition that it is about; None: about none alone.
        """
        line = (
            f"{task}: {straggler} has taken {why.elapsed_s:.1f} s, and 95 % of such attempts take "
            f"{why.usual_s:.1f} s at most; a copy of it, {copy}, begins on another worker"
        )
        self._tell_of_copy(line, partition_id, "started")

    def copy_won(self, task: str, partition_id: int | None, copy: str, straggler: str | None) -> None:
        """`straggler`: the attempt that is cancelled therefore; None: it has failed, and the copy is what is left."""
        line = f"{task}: its copy {copy} goes on"
        if straggler is not None:
            line = f"{task}: its copy {copy} ended before {straggler}, which was cancelled"
        self._tell_of_copy(line, partition_id, "won")

    def copy_lost(self, task: str, partition_id: int | None, copy: str) -> None:
        line = f"{task}: its copy {copy} is not needed any more and was cancelled"
        self._tell_of_copy(line, partition_id, "lost")

    def copy_failed(
        self, message: m.AttemptFailed | m.AttemptReturned | m.CheckpointDamaged, attempt: str, task: str
    ) -> None:
        """No try is counted for it."""
        match message:
            case m.AttemptFailed():
                reason = f"{message.error_type}: {message.message}"
            case m.AttemptReturned():
                reason = "its worker was lost before it began"
            case m.CheckpointDamaged():
                reason = message.reason
        partition_id = message.task.number if message.task.kind is TaskKind.STAGE else None
        line = f"{task}: its copy {message.attempt} failed ({reason.removesuffix('.')}); {attempt} goes on"
        self._tell_of_copy(line, partition_id, "failed")

    def _tell_of_copy(self, message: str, partition_id: int | None, what: str) -> None:
        self.log.record(t.InfoNotice(message=message, partition_id=partition_id, data={t.COPY: what}))

    def warn(self, message: str, partition_id: int | None = None) -> None:
        self.log.record(t.WarningNotice(message=message, partition_id=partition_id))

    def checkpoints_set_aside(
        self, partition_id: int, damaged: Sequence[Manifest], reason: str, where: str
    ) -> None:
        """Checkpoints of a partition are not what they were; said once of all that are made from one file.

        Args:
            where: from which the partition goes on.
        """
        after = " and ".join(f"{each.operator_index} ({each.operator_name})" for each in damaged)
        what = f"its checkpoint after operator {after} is damaged and was"
        if len(damaged) > 1:
            what = f"its checkpoints after operators {after} are damaged and were"
        self.warn(
            f"partition {partition_id}: {what} set aside: {reason} The partition goes on from {where}.",
            partition_id,
        )

    def result_set_aside(self, result: CommittedResult, damage: str) -> None:
        """A committed result is not what it was; it counts no more until it is made again."""
        self.log.record(
            t.WarningNotice(
                message=f"the result of partition {result.partition} is damaged and was set aside: {damage}",
                partition_id=result.partition,
                data={t.ROWS_IN_WITHDRAWN: result.ledgers[0].rows_in, t.ROWS_OUT_WITHDRAWN: result.rows},
            )
        )

    def inform(self, message: str) -> None:
        self.log.record(t.InfoNotice(message=message))

    def resolved(self, operator_index: int, message: str) -> None:
        """A dataset operator has decided about every row."""
        self.log.record(
            t.InfoNotice(
                message=message,
                operation_name=self._operators[operator_index],
                operation_idx=operator_index,
                data={t.RESOLVED: True},
            )
        )
