"""This process, one attempt after the other: the backend of most tests, and of debugging with breakpoints."""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from collections.abc import Callable, Iterator

from data_juicer.clock import Clock
from data_juicer.engine.protocol.messages import AnyAttempt, Message
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.engine.worker.context import WorkerContext
from data_juicer.engine.worker.saver import DirectSaver
from data_juicer.engine.worker.worker import Worker
from data_juicer.plan.tasks import TaskKey
from data_juicer.storage.base import Store


class InlineBackend:
    """Each call of `next_message` runs the attempt up to its next message, so that the order never varies."""

    name = "inline"
    workers = 1
    slots = 1

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._worker: Worker | None = None
        self._waiting: deque[AnyAttempt] = deque()
        self._messages: Iterator[Message] = iter(())

    def slots_for(self, segment: int) -> int:
        return self.slots

    def begin(self, setup: WorkerSetup, partitions: int, between_batches: Callable[[], None]) -> None:
        context = WorkerContext(
            setup, self._store, self._clock, DirectSaver(), between_batches=between_batches
        )
        self._worker = Worker(context, name="inline")

    def submit(self, attempt: AnyAttempt) -> None:
        self._waiting.append(attempt)

    def cancel(self, task: TaskKey, attempt: str) -> None:
        """Of attempts that wait; the one under way is the only one of its task."""
        self._waiting = deque(it for it in self._waiting if (it.key, it.name) != (task, attempt))

    def next_message(self, timeout_s: float) -> Message | None:
        with contextlib.redirect_stdout(
            sys.stderr
        ):  # standard output is for results, not for what operators print
            message = next(self._messages, None)
            while message is None and self._waiting and self._worker:
                self._messages = self._worker.run(self._waiting.popleft())
                message = next(self._messages, None)
        if message is None:
            self._clock.sleep_s(timeout_s)
        return message

    def memory_bytes(self) -> int | None:
        return None

    def worker_pids(self) -> tuple[int, ...]:
        return ()

    def close(self) -> None:
        self._waiting.clear()
        self._messages = iter(())
