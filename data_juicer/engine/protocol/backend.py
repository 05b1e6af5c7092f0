"""Where attempts are executed, as the driver sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from data_juicer.engine.protocol.messages import AnyAttempt, Message
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.plan.tasks import TaskKey


class Abandoned(BaseException):
    """The attempt under way is not wanted any more."""


class Backend(Protocol):
    """Executes attempts and tells what happens in them.

    For each submitted attempt the messages come in the order in which things happened, and exactly one of
    `messages.ENDS` is the last. A worker that is killed or crashes is an `AttemptFailed` with a `loss`.
    """

    name: str

    @property
    def workers(self) -> int:
        """How many attempts run at once."""

    @property
    def slots(self) -> int:
        """How many attempts the backend takes at once: those that run, and a few that wait to keep workers busy."""

    def slots_for(self, segment: int) -> int:
        """How many of those may be stages of one segment of the recipe, so that they do not wait in front of others."""

    def begin(self, setup: WorkerSetup, partitions: int, between_batches: Callable[[], None]) -> None:
        """Tell the workers what job they are for and how many partitions wait; called once, before the first attempt.

        Args:
            between_batches: called often by a backend that executes in the driver's thread, before an operator is given
                rows; what it raises (`Abandoned`) ends the attempt, and is passed on.
        """

    def submit(self, attempt: AnyAttempt) -> None:
        """Have it executed, where no attempt of the same task is: a second one is submitted because the first takes too long."""

    def cancel(self, task: TaskKey, attempt: str) -> None:
        """An attempt is not wanted any more; what is reported of it from now on is ignored, and there may be nothing.

        Its worker is ended where that costs no other attempt, whatever state it is in.
        """

    def next_message(self, timeout_s: float) -> Message | None:
        """The next message, in any order across attempts; None when there was none for this long."""

    def worker_pids(self) -> tuple[int, ...]:
        """Processes to watch the memory of; empty where they are not of this machine."""

    def memory_bytes(self) -> int | None:
        """Memory that its machines offer to all workers together; None where they are of this machine.

        May be asked before `begin`; `workers` is known from then on.
        """

    def close(self) -> None:
        """Stop at once: attempts under way are abandoned, and no worker outlives this call."""
