"""Saving overlaps the next operator: who writes a stage while the rows go on.

A save is a function that writes and syncs files and returns what the driver is to be told. Once a save of a partition
failed, later ones of the same attempt are not made: a stage without the ones below it would never be committed.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from data_juicer.engine.protocol.messages import AttemptFailed, Message

Save = Callable[[], tuple[Message, ...]]

WAITING_MAX = 2
"""Saves that may wait behind the one under way; it bounds the memory that they hold on to."""


class Saver(Protocol):
    def save(self, partition_id: int, save: Save) -> Iterator[Message]:
        """Make the save, now or soon; yields what is to be told at once."""

    def begin(self, partition_id: int) -> None:
        """A new attempt of this partition begins."""

    def has_failed(self, partition_id: int) -> bool:
        """Whether a save of the attempt failed, and the driver was told."""

    def drain(self) -> None:
        """Wait until every save is made."""


class DirectSaver:
    """Saves at once, in the thread that asks."""

    def __init__(self) -> None:
        self._failed: set[int] = set()

    def save(self, partition_id: int, save: Save) -> Iterator[Message]:
        messages = save()
        if any(isinstance(message, AttemptFailed) for message in messages):
            self._failed.add(partition_id)
        yield from messages

    def begin(self, partition_id: int) -> None:
        self._failed.discard(partition_id)

    def has_failed(self, partition_id: int) -> bool:
        return partition_id in self._failed

    def drain(self) -> None:
        """Nothing ever waits."""


class ThreadSaver:
    """Saves in one thread of its own, in order, and tells the driver from there."""

    def __init__(self, tell: Callable[[Message], None]) -> None:
        self._tell = tell
        self._failed: set[int] = set()
        self._waiting: queue.Queue[tuple[int, Save]] = queue.Queue(WAITING_MAX)
        threading.Thread(target=self._work, name="saver", daemon=True).start()

    def save(self, partition_id: int, save: Save) -> Iterator[Message]:
        self._waiting.put((partition_id, save))
        return iter(())

    def begin(self, partition_id: int) -> None:
        self._failed.discard(partition_id)

    def has_failed(self, partition_id: int) -> bool:
        return partition_id in self._failed

    def drain(self) -> None:
        self._waiting.join()

    def _work(self) -> None:
        while True:
            partition_id, save = self._waiting.get()
            if partition_id not in self._failed:
                messages = save()
                if any(isinstance(message, AttemptFailed) for message in messages):
                    self._failed.add(partition_id)
                for message in messages:
                    self._tell(message)
            self._waiting.task_done()
