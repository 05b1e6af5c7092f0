"""Worker processes of this machine. A killed worker is an attempt that failed, and is replaced.

Workers are fresh interpreters, not forks: the threads of polars and Arrow do not survive a fork. Each runs one thread
(beside the one that saves), so that `np` means what it says. Messages are msgpack over a socket pair.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from multiprocessing.connection import wait

from data_juicer.backends.local.worker_process import STACK_WAIT_S, WorkerProcess, start_worker
from data_juicer.clock import Clock
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.errors import COMMITTED_IS_SAFE, BackendError
from data_juicer.plan.tasks import TaskKey
from data_juicer.portable import PortableMsgpack, encode_msgpack

EARLY_LOSSES_MAX = 3
"""Workers that may die before they took an attempt, one after the other, until the backend gives up."""


class LocalBackend:
    name = "local"

    def __init__(self, workers: int, clock: Clock, *, starts_early: bool = True) -> None:
        """
        Args:
            starts_early: the first process starts at once, so that it imports while the driver does, scans and plans.
        """
        self._workers = workers
        self._clock = clock
        self._setup: bytes | None = None
        self._op_timeout_s = 0.0
        self._operators: tuple[str, ...] = ()
        self._waiting: deque[m.AnyAttempt] = deque()
        self._inbox: deque[m.Message] = deque()
        self._early_losses = 0
        self._messages: PortableMsgpack[m.Message] = PortableMsgpack(m.Message)
        self._processes = [start_worker()] if starts_early else []

    @property
    def workers(self) -> int:
        return self._workers

    @property
    def slots(self) -> int:
        return self._workers * 2

    def slots_for(self, segment: int) -> int:
        return self.slots

    def begin(
        self, setup: WorkerSetup, partitions: int, between_batches: Callable[[], None] = lambda: None
    ) -> None:
        missing = min(self._workers, partitions) - len(self._processes)
        self._processes += [start_worker() for _ in range(missing)]
        self._setup = encode_msgpack(setup)
        self._op_timeout_s = setup.op_timeout_s
        self._operators = tuple(spec.name for spec in setup.operators)
        for process in self._processes:
            self._set_up(process)

    def submit(self, attempt: m.AnyAttempt) -> None:
        self._waiting.append(attempt)
        self._hand_out()
        if (
            self._waiting and self._setup is not None and len(self._processes) < self._workers
        ):  # fewer than there is room for were needed, or none
            self._processes.append(self._start())
            self._hand_out()

    def cancel(self, task: TaskKey, attempt: str) -> None:
        """A worker that has begun with it, or does not begin anything, is killed, unless it has begun with another one as well."""
        self._waiting = deque(it for it in self._waiting if (it.key, it.name) != (task, attempt))
        for process in self._processes:
            if process.cancel(task, attempt) and not process.is_needed():
                self._processes.remove(process)
                process.reap()
                self._renew(process)
                return

    def next_message(self, timeout_s: float) -> m.Message | None:
        if not self._inbox:
            patience_s = min(timeout_s, STACK_WAIT_S) if self._op_timeout_s else timeout_s
            by_connection = {process.connection: process for process in self._processes}
            for ready in wait(list(by_connection), patience_s):
                self._receive(by_connection[ready])  # type: ignore[index] # only connections were waited for
            self._limit_time()
        return self._inbox.popleft() if self._inbox else None

    def memory_bytes(self) -> int | None:
        return None

    def worker_pids(self) -> tuple[int, ...]:
        return tuple(process.popen.pid for process in self._processes)

    def close(self) -> None:
        for process in self._processes:
            process.popen.kill()
        for process in self._processes:
            process.reap()
            process.close()
        self._processes = []

    # ---- inside

    def _set_up(self, process: WorkerProcess) -> None:
        if self._setup is not None:
            process.operators = self._operators
            process.send(self._setup)

    def _hand_out(self) -> None:
        for process in sorted(self._processes, key=lambda process: len(process.attempts)):
            while process.wants_work() and (attempt := self._take_for(process)) is not None:
                process.hand(attempt, encode_msgpack(attempt))

    def _take_for(self, process: WorkerProcess) -> m.AnyAttempt | None:
        """The first attempt that waits and is of no task that the worker is at; None where there is none."""
        for number, attempt in enumerate(self._waiting):
            if all(other.key != attempt.key for other in process.attempts):
                del self._waiting[number]
                return attempt
        return None

    def _receive(self, process: WorkerProcess) -> None:
        """Everything that one worker has sent; its end, if that is what woke us."""
        try:
            while True:
                message = self._messages.decode(process.connection.recv_bytes())
                if isinstance(message, m.AttemptStarted):
                    self._early_losses = 0
                if process.follow(message, self._clock.monotonic_s()):
                    self._hand_out()
                if not isinstance(message, m.RowsStarted):
                    self._inbox.append(message)
                if not process.connection.poll():
                    return
        except (EOFError, OSError):
            self._replace(process)

    def _limit_time(self) -> None:
        """The end of a worker that is killed here is noticed as any other."""
        if self._op_timeout_s:
            for process in self._processes:
                process.limit(self._op_timeout_s, self._clock.monotonic_s())

    def _replace(self, process: WorkerProcess) -> None:
        """A worker is gone: its attempts end, one that it had not begun goes to another, and a new worker starts."""
        self._processes.remove(process)
        code = process.reap()
        if not process.has_begun:
            self._early_losses += 1
            if self._early_losses > EARLY_LOSSES_MAX:
                raise BackendError(
                    f"workers end before they take an attempt ({process.end_text(code)}); "
                    f"the last lines above say why. {COMMITTED_IS_SAFE}; mend that and start the job again."
                )
        self._inbox.extend(process.losses(code))
        self._renew(process)

    def _renew(self, process: WorkerProcess) -> None:
        """Another worker in the place of one that is gone, with what that one had not begun."""
        self._waiting.extendleft(reversed(process.unbegun()))
        process.close()
        self._processes.append(self._start())
        self._hand_out()

    def _start(self) -> WorkerProcess:
        process = start_worker()
        self._set_up(process)
        return process
