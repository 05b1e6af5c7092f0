"""What a run knows of the tasks that it has begun, and which one is next when a slot is free. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Final

import msgspec

from data_juicer.engine.scheduling import events as e
from data_juicer.engine.scheduling.failures.crash_bisection import CrashHistory, CrashTally, after_loss
from data_juicer.plan.tasks import Segment, Task

BYSTANDER_LOSSES_MAX: Final = 3
"""How often a partition may lose its worker to another one's crash before that counts as its own failure."""


class TaskState(msgspec.Struct, kw_only=True):
    """A task that was begun, and what this run knows of its partition."""

    task: Task
    attempts: int = 0
    copies: int = 0
    """How many of those were copies of one that took too long."""
    failures: int = 0
    bystander_losses: int = 0
    crashes: CrashHistory = msgspec.field(default_factory=CrashHistory)
    commits: int = 0
    """Staged, and not yet committed."""
    is_over: bool = False
    """The attempt came to its end."""
    is_end_committed: bool = False
    rows_dead: int = 0
    setback: e.AttemptFailed | e.AttemptReturned | e.CheckpointDamaged | None = None
    """What ended the attempt, while its commits are waited for."""

    def learn(self, failure: e.AttemptFailed, tally: CrashTally) -> bool:
        """Take in a lost worker, if the attempt failed for that.

        Returns: whether the next attempt knows more than this one did, or this one lost its worker to another partition;
            neither counts as a failure.
        """
        if failure.loss is None:
            return False
        if failure.loss.is_bystander:
            self.bystander_losses += 1
            return self.bystander_losses <= BYSTANDER_LOSSES_MAX
        before, index = len(self.crashes.blamed), failure.operator_index
        self.crashes, is_news = after_loss(self.crashes, failure.loss, index, failure.reason)
        if index is not None:
            tally.add(failure.task, index, failure.loss, is_blamed=len(self.crashes.blamed) > before)
        return is_news


class TaskQueue:
    """Tasks that wait for a slot: later segments first, and partitions that were begun before those that were not."""

    def __init__(self, segments: Sequence[Segment], segment_slots: Sequence[int]) -> None:
        """
        Args:
            segment_slots: how many stages of each segment may run at once, for the first of them; 0: any number.
        """
        limits = [[segment.resources.concurrency] for segment in segments]
        for each, slots in zip(limits, segment_slots, strict=False):
            each.append(slots)
        self._limits = [min(filter(None, each), default=None) for each in limits]
        """Segment -> how many of its stages run at once; None: any number."""
        self._ready: list[deque[TaskState]] = [deque() for _ in segments]
        self._pending: Sequence[int] = ()
        """Partitions of the phase, of which those before the cursor were begun."""
        self._cursor = 0

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return self._cursor < len(self._pending) or any(self._ready)

    def begin(self, partitions: Sequence[int]) -> None:
        """The partitions of a phase follow those that were begun before."""
        self._pending, self._cursor = partitions, 0

    def put(self, state: TaskState) -> None:
        """A task of a partition that was begun."""
        self._ready[state.task.segment].append(state)

    def take(
        self, slots: int, running: Collection[TaskState], first_task: Callable[[int], Task]
    ) -> TaskState | None:
        """The next task; None where there is none that may run beside those that do.

        Args:
            slots: how many tasks run at once, of all segments.
            first_task: of a partition.
        """
        while True:
            for segment in range(len(self._ready) - 1, -1, -1):
                if self._ready[segment] and self._has_room(segment, slots, running):
                    return self._ready[segment].popleft()
            if self._cursor == len(self._pending) or sum(map(len, self._ready)) >= slots:
                return None
            partition = self._pending[self._cursor]
            self._cursor += 1
            self.put(TaskState(task=first_task(partition)))

    def _has_room(self, segment: int, slots: int, running: Collection[TaskState]) -> bool:
        limit = self._limits[segment]
        if limit is None or limit >= slots:
            return True
        return limit > sum(state.task.segment == segment for state in running)
