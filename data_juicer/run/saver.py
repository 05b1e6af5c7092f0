"""Saving overlaps the next operator: who writes a stage while the rows go on.

A save is a function that writes and syncs files and returns what the driver is to be told. Once a save of an attempt
failed, later ones of the same attempt are not made: a stage without the ones below it would never be committed.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from data_juicer.run.messages import AttemptFailed, Message

Save = Callable[[], tuple[Message, ...]]

WAITING_MAX = 2
"""Saves that may wait behind the one under way; it bounds the memory that they hold on to."""


class Saver(Protocol):
    def save(self, attempt: str, save: Save) -> Iterator[Message]:
        """Make the save, now or soon; yields what is to be told at once."""

    def has_failed(self, attempt: str) -> bool:
        """Whether a save of this attempt failed, and the driver was told."""

    def drain(self) -> None:
        """Wait until every save is made."""


class DirectSaver:
    """Saves at once, in the thread that asks."""

    def __init__(self) -> None:
        self._failed: set[str] = set()

    def save(self, attempt: str, save: Save) -> Iterator[Message]:
        messages = save()
        if any(isinstance(message, AttemptFailed) for message in messages):
            self._failed.add(attempt)
        yield from messages

    def has_failed(self, attempt: str) -> bool:
        return attempt in self._failed

    def drain(self) -> None:
        """Nothing ever waits."""


class ThreadSaver:
    """Saves in one thread of its own, in order, and tells the driver from there."""

    def __init__(self, tell: Callable[[Message], None]) -> None:
        self._tell = tell
        self._failed: set[str] = set()
        self._waiting: queue.Queue[tuple[str, Save]] = queue.Queue(WAITING_MAX)
        threading.Thread(target=self._work, name="saver", daemon=True).start()

    def save(self, attempt: str, save: Save) -> Iterator[Message]:
        self._waiting.put((attempt, save))
        return iter(())

    def has_failed(self, attempt: str) -> bool:
        return attempt in self._failed

    def drain(self) -> None:
        self._waiting.join()

    def _work(self) -> None:
        while True:
            attempt, save = self._waiting.get()
            if attempt not in self._failed:
                messages = save()
                if any(isinstance(message, AttemptFailed) for message in messages):
                    self._failed.add(attempt)
                for message in messages:
                    self._tell(message)
            self._waiting.task_done()
