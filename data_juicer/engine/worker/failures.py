"""What went wrong, and with which row, reported so that it can be found and corrected. Pure."""

from __future__ import annotations

import traceback

import xxhash

from data_juicer.engine.protocol.messages import AnyAttempt, Attempt, AttemptFailed
from data_juicer.engine.worker.apply_operator import DeadRow
from data_juicer.errors import DataJuicerError, InputError, OperatorError, StoreError, WorkerLostError
from data_juicer.foreign_code import error_text
from data_juicer.formats.base import BadRow
from data_juicer.redaction import hide
from data_juicer.rows import json_values
from data_juicer.store.dead_letters import CommittedDeadLetter, row_fields
from data_juicer.store.ledger import READ

MESSAGE_LENGTH_MAX = 1000
WORKER_LOST = "WorkerLost"
"""Error type of attempts and rows that lost their worker."""


def unread(attempt: Attempt, row: BadRow) -> CommittedDeadLetter:
    """The dead letter of a row that could not be read."""
    return CommittedDeadLetter(
        operator=READ,
        operator_index=-1,
        error_type=row.error_type,
        message=_one_line(row.message),
        attempt=attempt.name,
        place=row.place,
        is_whole=row.is_whole,
        **row_fields(row.raw),
    )


def failed(attempt: Attempt, operator: str, index: int, dead: DeadRow) -> CommittedDeadLetter:
    """The dead letter of a row on which an operator raised, or that killed its worker."""
    origin = int(dead.batch.origin[dead.row])
    is_made = origin < 0
    raw = json_values.join_object(dead.batch.raw_row(dead.row)) if is_made else dead.batch.source.raw(origin)
    is_loss = isinstance(dead.error, WorkerLostError)
    return CommittedDeadLetter(
        operator=operator,
        operator_index=index,
        error_type=WORKER_LOST if is_loss else type(dead.error).__name__,
        message=_one_line(_error_text(dead.error)),
        trace_digest="" if is_loss else trace_digest(dead.error),
        attempt=attempt.name,
        place=None if is_made else dead.batch.source.place(origin),
        is_made=is_made,
        **row_fields(raw),
    )


def failure(attempt: AnyAttempt, error: Exception, index: int | None) -> AttemptFailed:
    """How an attempt ended that raised; our own errors are reported without their traceback."""
    ours = isinstance(error, DataJuicerError)
    return AttemptFailed(
        task=attempt.key,
        attempt=attempt.name,
        error_type=type(error).__name__,
        message=hide(" ".join(error_text(error).split())),
        operator_index=index,
        transient=isinstance(error, (OSError, MemoryError)),
        fatal=isinstance(error, (StoreError, InputError, OperatorError)),
        trace="" if ours else trace(error),
    )


def trace(error: Exception) -> str:
    """The traceback as text."""
    return hide("".join(traceback.format_exception(error)))


def trace_digest(error: Exception) -> str:
    """16 hex digits, equal for errors of one type that were raised along the same lines of code."""
    frames = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    return str(xxhash.xxh3_64_hexdigest("\n".join([type(error).__name__, *frames]).encode()))


def _error_text(error: Exception) -> str:
    """What an error says; a MemoryError says nothing."""
    text = error_text(error)
    if isinstance(error, MemoryError) and not text:
        return "not enough memory for this row (fault_tolerance.worker_memory_mb limits it)"
    return text


def _one_line(message: str) -> str:
    return hide(" ".join(message.split()))[:MESSAGE_LENGTH_MAX]
