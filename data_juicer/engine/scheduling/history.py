"""The history of a run as lines: what its schedulers were given, and the same instructions from it again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from data_juicer.engine.scheduling import events as e
from data_juicer.engine.scheduling.run_plan import RunPlan
from data_juicer.engine.scheduling.scheduler import Scheduler
from data_juicer.engine.scheduling.task_pool import PoolOver, PoolPlan, TaskPool
from data_juicer.portable import PortableJson

Step = RunPlan | PoolPlan | PoolOver | e.Event
"""A scheduler or pool begins, a pool ends, or the one that began last and has not ended receives an event."""
_JSON: Final = PortableJson[Step](Step)


def encode_history(step: Step) -> bytes:
    """One line of a history, without its end."""
    return _JSON.encode(step)


def replay(history: Iterable[bytes]) -> Iterator[list[e.Instruction]]:
    """What the schedulers of a history answered to each event.

    Raises: msgspec.DecodeError, msgspec.ValidationError: a line is none of `encode_history`.
    """
    machines: list[Scheduler | TaskPool] = []
    for line in history:
        step = _JSON.decode(line)
        if isinstance(step, RunPlan):
            machines = [Scheduler(step)]
        elif isinstance(step, PoolPlan):
            machines.append(TaskPool(step))
        elif isinstance(step, PoolOver):
            machines.pop()
        elif machines:
            yield machines[-1].handle(step)
