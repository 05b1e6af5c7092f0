"""Copies of attempts that take too long: which there are, and how many there may be. Pure.

    running ──TimePassed──► running, with a copy ──AttemptDone──► CancelCopy, and on as without one
                                │    │
                                │    └─ AttemptFailed, that taught nothing about a row ──► TakeOver: the copy is the attempt
                                └─ CopyDone, once no commit is in flight ──► TakeOver: what the copy staged is committed

A copy never speaks before it takes over: its messages wait with the driver. So one that fails teaches nothing, blames no row
and costs no retry.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from data_juicer.engine.scheduling.stragglers import Straggler, StragglerWatch
from data_juicer.plan.tasks import Task, TaskKey

SHARE_MAX: Final = 0.25
"""Of the slots, that copies take beyond them at most; at least one may."""
COPIES_MAX: Final = 3
"""Of one partition in a phase."""


class Copy(msgspec.Struct):
    task: Task
    is_done: bool = False
    """It has staged everything, and waits for commits of the attempt before it."""


class Copies:
    """The copies of a run; none where they are not wanted."""

    def __init__(self, *, are_wanted: bool, unrepeatable: Collection[int] = ()) -> None:
        """
        Args:
            unrepeatable: operators of which no stage is copied.
        """
        self._are_wanted = are_wanted
        self._unrepeatable = sorted(unrepeatable)
        self._watch = StragglerWatch()
        self._of: dict[TaskKey, Copy] = {}

    def __len__(self) -> int:
        return len(self._of)

    def find(self, key: TaskKey) -> Copy | None:
        return self._of.get(key)

    # ---- attempts

    def submit(self, task: Task) -> None:
        """An attempt is with the backend, and may turn out a straggler."""
        start = 0 if task.base is None else task.base + 1
        if self._are_wanted and not any(start <= index <= task.key.until for index in self._unrepeatable):
            self._watch.submit(task)

    def begin(self, key: TaskKey, worker: str, now_s: float) -> None:
        self._watch.begin(key, worker, now_s)

    def end(self, key: TaskKey, duration_s: float | None = None) -> None:
        """The attempt is with the backend no more. `duration_s`: what it took, where it came to its end."""
        self._watch.end(key, duration_s)

    # ---- copies

    def stragglers(self, now_s: float, slots: int) -> list[Straggler]:
        """Attempts of which a copy may begin now."""
        found = [each for each in self._watch.look(now_s) if each.task not in self._of]
        return found[: max(0, max(1, int(slots * SHARE_MAX)) - len(self._of))]

    def add(self, task: Task) -> None:
        self._of[task.key] = Copy(task)

    def drop(self, key: TaskKey) -> bool:
        """Whether there was one."""
        return self._of.pop(key, None) is not None

    def take_over(self, key: TaskKey) -> Task:
        """The copy is the attempt from now on, and watched anew."""
        copy = self._of.pop(key)
        self._watch.give_up(key)
        self.submit(copy.task)
        return copy.task
