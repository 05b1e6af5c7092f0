"""What a backend executes: attempts, one after the other, each reported to the driver as it proceeds.

A worker decides nothing about the job. It never commits, never deletes, and writes only files whose names carry its
attempt, so that a late or repeated attempt can waste work but not change a result.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

from data_juicer.engine.protocol import messages as m
from data_juicer.engine.worker import failures
from data_juicer.engine.worker.attempt import AttemptRunner
from data_juicer.engine.worker.context import WorkerContext
from data_juicer.errors import CheckpointCorruptError


class Worker:
    """Runs attempts one after the other, with the same context."""

    def __init__(self, context: WorkerContext, name: str) -> None:
        self.context = context
        self.name = name
        self.node = socket.gethostname()

    def run(self, attempt: m.AnyAttempt) -> Iterator[m.Message]:
        """Messages in the order in which things happen; the last one is one of `messages.ENDS`.

        With a saver that has a thread of its own, `Staged` and the last message may come through it instead.
        """
        if isinstance(attempt, m.SharedAttempt):
            yield m.AttemptStarted(task=attempt.key, attempt=attempt.name, worker=self.name, node=self.node)
            from data_juicer.engine.worker.shared.run import (
                run_shared,
            )  # of large inputs, resolves and exports

            yield from run_shared(self.context, attempt)
            return
        key = attempt.key
        started_s = time.perf_counter()
        saver = self.context.saver
        saver.begin(key)
        yield m.AttemptStarted(task=key, attempt=attempt.name, worker=self.name, node=self.node)
        runner = AttemptRunner(self.context, attempt)
        try:
            yield from runner.load()
            yield from runner.run_operators()
            yield from saver.save(key, lambda: runner.save_end(started_s))
        except CheckpointCorruptError as error:
            index = attempt.base.operator_index if attempt.base else -1
            yield m.CheckpointDamaged(
                task=key, attempt=attempt.name, operator_index=index, reason=str(error), file=error.file
            )
        except Exception as error:  # the driver decides what an error means for the job
            if not saver.has_failed(key):
                saver.drain()
            if not saver.has_failed(key):
                yield failures.failure(attempt, error, runner.index)
