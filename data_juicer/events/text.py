"""Events for people: one sentence each. Pure."""

from __future__ import annotations

from data_juicer.events import payloads
from data_juicer.events import types as t


def describe(event: t.AnyEvent) -> str:
    """The sentence that is in events.log and under `message` in events.jsonl."""
    match event:
        case t.OpStart():
            return f"{_place(event)} started"
        case t.OpComplete(data=counts):
            return f"{_place(event)} took {event.duration_s:.3f} s, {counts.rows_in:,} -> {event.rows:,} rows"
        case t.OpFailed(data=failure):
            if failure.error_type == payloads.SET_ASIDE:
                what = "read" if event.operation_idx < 0 else "processed"
                where = _attempt(event) if event.operation_idx < 0 else _place(event)
                return f"{where}: {_rows(failure.rows_dead_letter)} could not be {what}, written to the dead letters"
            return f"{_place(event)} failed: {_error(failure)}{_dead_letters(failure.rows_dead_letter)}"
        case t.CheckpointSave(data=saved):
            return f"{_place(event, 'checkpoint after ')} saved: {saved.file}, {event.rows:,} rows, {saved.size_bytes:,} bytes"
        case t.CheckpointLoad(data=loaded):
            return f"{_place(event, 'checkpoint after ')} loaded: {loaded.file}, {event.rows:,} rows"
        case _:
            return _describe_partition(event)


def _describe_partition(event: t.AnyEvent) -> str:
    match event:
        case t.PartitionStart(data=start):
            return f"partition {event.partition_id} {event.attempt} starts at operator {start.operation_idx_start + 1}"
        case t.PartitionComplete(data=outcome):
            return (
                f"partition {event.partition_id} {event.attempt} done in {event.duration_s:.2f} s, "
                f"{outcome.rows_in:,} -> {event.rows:,} rows"
            )
        case t.PartitionFailed(data=failure):
            at = f" in {event.operation_name}" if event.operation_name else ""
            then = _next_attempt(failure.retry_in_s)
            return f"partition {event.partition_id} {event.attempt} failed{at}: {_error(failure)}; {then}"
        case _:
            return _describe_sample(event)


def _describe_sample(event: t.AnyEvent) -> str:
    match event:
        case t.Notice():
            return event.message
        case t.ResourceUsage(data=sample):
            cores = sum(process.cpu_share for process in sample.processes)
            megabytes = sum(process.memory_bytes for process in sample.processes) / 1e6
            return f"{len(sample.processes)} processes use {cores:.2f} cores and {megabytes:,.0f} MB"
        case t.PerformanceMetric(data=counts):
            return (
                f"{_operator(event)}: {counts.rows_in:,} -> {event.rows:,} rows "
                f"in {event.duration_s:.2f} s{_dead_letters(counts.rows_dead_letter)}"
            )
        case _:
            return _describe_job(event)


def _describe_job(event: t.AnyEvent) -> str:
    match event:
        case t.JobStart(data=identity):
            return f"job {identity.job_id} started, settings {identity.config_digest}"
        case t.ProcessingStart(data=plan):
            return (
                f"run started on {plan.host} (pid {plan.pid}), {plan.backend} with {plan.workers} workers: "
                f"{plan.partitions_done:,} of {plan.partitions:,} partitions and "
                f"{plan.rows_done:,} of {plan.rows:,} rows are done already"
            )
        case t.JobComplete(data=outcome) | t.ProcessingComplete(data=outcome):
            what = "job" if isinstance(event, t.JobComplete) else "run"
            return (
                f"{what} completed in {event.duration_s:.2f} s: {outcome.rows_in:,} -> {event.rows:,} rows"
                f"{_dead_letters(outcome.rows_dead_letter)}"
                f"{f', written to {outcome.export_path}' if outcome.export_path else ''}"
            )
        case t.JobFailed(data=failure):
            return f"job failed after {event.duration_s:.2f} s: {reason_of(failure)}"
        case t.ProcessingError(data=failure):
            return f"run ended after {event.duration_s:.2f} s: {reason_of(failure)}"
    raise AssertionError(event)


def _place(
    event: t.OpStart | t.OpComplete | t.OpFailed | t.CheckpointSave | t.CheckpointLoad, what: str = ""
) -> str:
    return f"{_attempt(event)}: {what}{_operator(event)}"


def _attempt(event: t.OperatorEvent) -> str:
    return f"partition {event.partition_id} {event.attempt}"


def _operator(
    event: t.OpStart | t.OpComplete | t.OpFailed | t.CheckpointSave | t.CheckpointLoad | t.PerformanceMetric,
) -> str:
    """As people count: `operator 1 clean_email_mapper`; reading is no operator of the recipe."""
    if event.operation_idx < 0:
        return event.operation_name
    return f"operator {event.operation_idx + 1} {event.operation_name}"


def _next_attempt(retry_in_s: float | None) -> str:
    if retry_in_s is None:
        return "given up"
    return f"next attempt in {retry_in_s:.1f} s" if retry_in_s else "next attempt at once, row by row"


def reason_of(failure: payloads.Failure) -> str:
    """Why a run ended; the kinds of errors that say so themselves are not named."""
    is_own = failure.error_type in {"JobFailedError", "JobStoppedError"}
    return failure.error.removesuffix(".") if is_own else _error(failure)


def _error(failure: payloads.Failure) -> str:
    return f"{failure.error_type}: {failure.error.removesuffix('.')}"


def _dead_letters(rows: int) -> str:
    return f"; {_rows(rows)} to the dead letters" if rows else ""


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
