"""Several workers in one thread, on a clock that a test moves: real rows and real files, and time as it is written down.

What a worker does costs no time by itself; each operator takes so many seconds of the clock. A worker can be frozen for a
while, as by SIGSTOP. The clock goes only while the driver waits for a message.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping

import msgspec

from data_juicer.engine.protocol import messages as m
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.engine.worker.context import WorkerContext
from data_juicer.engine.worker.saver import DirectSaver
from data_juicer.engine.worker.worker import Worker
from data_juicer.plan.tasks import TaskKey
from data_juicer.storage.base import Store
from data_juicer.testing.clock import ManualClock


class Freeze(msgspec.Struct, frozen=True, kw_only=True):
    """A process does nothing from one moment to another, in seconds of the clock, unless it is ended before."""

    start_s: float
    stop_s: float

    def delay(self, from_s: float, until_s: float) -> float:
        """When work that would last from one moment to another ends."""
        if from_s >= self.stop_s or until_s <= self.start_s:
            return until_s
        return until_s + self.stop_s - max(from_s, self.start_s)


class SimulatedWorkers:
    name = "simulated"

    def __init__(
        self,
        store: Store,
        clock: ManualClock,
        workers: int,
        *,
        operator_s: Callable[[m.AnyAttempt, int], float] = lambda _, __: 0.1,
        end_s: Callable[[m.AnyAttempt], float] = lambda _: 0.0,
        start_s: float = 0.0,
        frozen: Mapping[int, Freeze] | None = None,
    ) -> None:
        """
        Args:
            operator_s: seconds that an operator of an attempt takes, by its index; -1 is `read`, and what a shared task finds is 0.
            end_s: seconds from what an attempt stages last to its end.
            start_s: seconds from the start of a worker to its first attempt.
            frozen: worker, from 0 -> when its first process is frozen.
        """
        self._store = store
        self._clock = clock
        self._operator_s = operator_s
        self._end_s = end_s
        self._start_s = start_s
        self._frozen = dict(frozen or {})
        self._workers = [_Worker(number) for number in range(workers)]
        self._waiting: deque[m.AnyAttempt] = deque()
        self._context: WorkerContext
        self.cancelled: list[str] = []
        """Names of attempts, in order."""

    @property
    def workers(self) -> int:
        return len(self._workers)

    @property
    def slots(self) -> int:
        return len(self._workers) * 2

    def slots_for(self, segment: int) -> int:
        return self.slots

    def begin(self, setup: WorkerSetup, partitions: int, between_batches: Callable[[], None]) -> None:
        self._context = WorkerContext(setup, self._store, self._clock, DirectSaver())
        for worker in self._workers:
            worker.free_s = self._clock.monotonic_s() + self._start_s

    def submit(self, attempt: m.AnyAttempt) -> None:
        self._waiting.append(attempt)
        self._hand_out()

    def cancel(self, task: TaskKey, attempt: str) -> None:
        self.cancelled.append(attempt)
        self._waiting = deque(it for it in self._waiting if (it.key, it.name) != (task, attempt))
        for worker in self._workers:
            if worker.attempt is not None and (worker.attempt.key, worker.attempt.name) == (task, attempt):
                self._frozen.pop(worker.number, None)  # another process takes its place
                worker.renew(self._clock.monotonic_s() + self._start_s)
        self._hand_out()

    def next_message(self, timeout_s: float) -> m.Message | None:
        now_s = self._clock.monotonic_s()
        busy = [worker for worker in self._workers if worker.message is not None]
        first = min(busy, key=lambda worker: worker.due_s, default=None)
        if first is None or first.due_s > now_s + timeout_s:
            self._clock.advance(timeout_s)
            return None
        self._clock.advance(max(0.0, first.due_s - now_s))
        message = first.message
        self._proceed(first)
        if first.message is None:
            first.attempt = None
            self._hand_out()
        return message

    def memory_bytes(self) -> int | None:
        return None

    def worker_pids(self) -> tuple[int, ...]:
        return ()

    def close(self) -> None:
        for worker in self._workers:
            worker.renew(0.0)

    # ---- inside

    def _hand_out(self) -> None:
        """To the worker that is free first."""
        for worker in sorted(self._workers, key=lambda worker: worker.free_s):
            if self._waiting and worker.attempt is None:
                worker.attempt = self._waiting.popleft()
                worker.free_s = max(worker.free_s, self._clock.monotonic_s())
                name = f"worker {worker.number}.{worker.processes}"
                worker.messages = Worker(self._context, name).run(worker.attempt)
                self._proceed(worker)

    def _proceed(self, worker: _Worker) -> None:
        """What the worker reports next, and when."""
        worker.message = next(worker.messages, None)
        taken_s = 0.0
        if isinstance(worker.message, m.OperatorDone) and worker.attempt is not None:
            taken_s = self._operator_s(worker.attempt, worker.message.ledger.index)
        elif isinstance(worker.message, m.WorkFound) and worker.attempt is not None:
            taken_s = self._operator_s(worker.attempt, 0)
        elif isinstance(worker.message, m.AttemptDone) and worker.attempt is not None:
            taken_s = self._end_s(worker.attempt)
        worker.due_s = worker.free_s + taken_s
        if freeze := self._frozen.get(worker.number):
            worker.due_s = freeze.delay(worker.free_s, worker.due_s)
        if isinstance(worker.message, m.AttemptDone):
            worker.message = msgspec.structs.replace(worker.message, duration_s=worker.due_s - worker.began_s)
        elif isinstance(worker.message, m.AttemptStarted):
            worker.began_s = worker.due_s
        worker.free_s = worker.due_s


class _Worker:
    """What one place for a worker is at."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.processes = 1
        self.free_s = 0.0
        """When what it has done so far ends."""
        self.began_s = 0.0
        self.due_s = 0.0
        self.attempt: m.AnyAttempt | None = None
        self.messages: Iterator[m.Message] = iter(())
        self.message: m.Message | None = None

    def renew(self, ready_s: float) -> None:
        """The process is ended; the next one is ready then."""
        self.processes += 1
        self.free_s, self.attempt = ready_s, None
        self.messages, self.message = iter(()), None
