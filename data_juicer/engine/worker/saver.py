"""Saving overlaps the next operator: who writes a stage while the rows go on.

A save is a function that writes and syncs files and returns the messages for the driver. Once a save of a task
failed, later ones of the same attempt are not made: a stage without the ones below it would never be committed.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from data_juicer.engine.protocol.messages import AttemptFailed, Message
from data_juicer.plan.tasks import TaskKey

Save = Callable[[], tuple[Message, ...]]

WAITING_MAX = 2
"""Saves that may wait after the one under way; it bounds the memory that they hold on to."""


class Saver(Protocol):
    def save(self, task: TaskKey, save: Save) -> Iterator[Message]:
        """Make the save, now or soon; yields the messages that can be sent at once."""

    def begin(self, task: TaskKey) -> None:
        """A new attempt of this task begins."""

    def has_failed(self, task: TaskKey) -> bool:
        """Whether a save of the attempt failed, and the driver was informed."""

    def drain(self) -> None:
        """Wait until every save is made."""


class DirectSaver:
    """Saves at once, in the thread that asks."""

    def __init__(self) -> None:
        self._failed: set[TaskKey] = set()

    def save(self, task: TaskKey, save: Save) -> Iterator[Message]:
        messages = save()
        if any(isinstance(message, AttemptFailed) for message in messages):
            self._failed.add(task)
        yield from messages

    def begin(self, task: TaskKey) -> None:
        self._failed.discard(task)

    def has_failed(self, task: TaskKey) -> bool:
        return task in self._failed

    def drain(self) -> None:
        """Nothing ever waits."""


class ThreadSaver:
    """Saves in one thread of its own, in order, and tells the driver from there."""

    def __init__(self, tell: Callable[[Message], None]) -> None:
        self._tell = tell
        self._failed: set[TaskKey] = set()
        self._waiting: queue.Queue[tuple[TaskKey, Save]] = queue.Queue(WAITING_MAX)
        threading.Thread(target=self._work, name="saver", daemon=True).start()

    def save(self, task: TaskKey, save: Save) -> Iterator[Message]:
        self._waiting.put((task, save))
        return iter(())

    def begin(self, task: TaskKey) -> None:
        self._failed.discard(task)

    def has_failed(self, task: TaskKey) -> bool:
        return task in self._failed

    def drain(self) -> None:
        self._waiting.join()

    def _work(self) -> None:
        while True:
            task, save = self._waiting.get()
            if task not in self._failed:
                messages = save()
                if any(isinstance(message, AttemptFailed) for message in messages):
                    self._failed.add(task)
                for message in messages:
                    self._tell(message)
            self._waiting.task_done()
