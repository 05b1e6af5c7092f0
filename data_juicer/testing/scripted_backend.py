"""A backend without workers: what each attempt tells is written down beforehand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from data_juicer.engine.protocol.messages import AnyAttempt, Message
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.plan.tasks import TaskKey


class ScriptedBackend:
    """Each submitted attempt has all of its messages at once; `next_message` never waits."""

    name = "scripted"

    def __init__(self, script: Callable[[AnyAttempt], Iterable[Message]], workers: int = 1) -> None:
        """
        Args:
            script: attempt -> its messages in order, the last one of `messages.ENDS`.
        """
        self._script = script
        self._workers = workers
        self._inbox: deque[Message] = deque()
        self.cancelled: list[tuple[TaskKey, str]] = []

    @property
    def workers(self) -> int:
        return self._workers

    @property
    def slots(self) -> int:
        return self._workers

    def slots_for(self, segment: int) -> int:
        return self.slots

    def begin(self, setup: WorkerSetup, partitions: int, between_batches: Callable[[], None]) -> None:
        pass

    def submit(self, attempt: AnyAttempt) -> None:
        self._inbox.extend(self._script(attempt))

    def cancel(self, task: TaskKey, attempt: str) -> None:
        self.cancelled.append((task, attempt))

    def next_message(self, timeout_s: float) -> Message | None:
        return self._inbox.popleft() if self._inbox else None

    def memory_bytes(self) -> int | None:
        return None

    def worker_pids(self) -> tuple[int, ...]:
        return ()

    def close(self) -> None:
        self._inbox.clear()
