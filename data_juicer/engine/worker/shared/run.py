"""Tasks that are not about one partition, as a worker executes them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from data_juicer.engine.protocol import messages as m
from data_juicer.engine.protocol.shared_work import ExportWork
from data_juicer.engine.worker import failures
from data_juicer.engine.worker.context import WorkerContext
from data_juicer.engine.worker.shared.export import write_export_shard
from data_juicer.errors import JobError
from data_juicer.plan.scan.shared import ScanWork, do_scan

if TYPE_CHECKING:
    from data_juicer.engine.protocol.shared_work import Found


def run_shared(context: WorkerContext, attempt: m.SharedAttempt) -> Iterator[m.Message]:
    """The answer to the task, part by part; the last message is one of `messages.ENDS`."""
    key, started_s = attempt.key, time.perf_counter()
    try:
        for found in _found(context, attempt):
            yield m.WorkFound(task=key, attempt=attempt.name, found=found)
            if context.between_batches is not None:
                context.between_batches()
    except JobError:  # of the driver, in whose thread this is executed
        raise
    except Exception as error:  # the driver decides what an error means for the job
        yield failures.failure(attempt, error, None)
    else:
        yield m.AttemptDone(
            task=key,
            attempt=attempt.name,
            duration_s=time.perf_counter() - started_s,
            requests=context.take_requests(),
            throttled=context.take_throttled(),
        )


def _found(context: WorkerContext, attempt: m.SharedAttempt) -> Iterator[Found]:
    work = attempt.work
    if isinstance(work, ScanWork):
        return iter(do_scan(work, context.store, context.layout.partitions_dir))
    heartbeat = context.between_batches or _nothing
    if isinstance(work, ExportWork):
        return iter([write_export_shard(work, context.store, context.layout, heartbeat)])
    from data_juicer.engine.worker.shared.resolve.run import shard_runner

    operator = context.prepared(work.operator_index)
    return iter([shard_runner(operator, work, context.store, context.layout, attempt.name, heartbeat).run()])


def _nothing() -> None:
    """A driver in another process has a heartbeat of its own."""
