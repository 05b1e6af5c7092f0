"""The history of a run as lines: what its scheduler was given, and the same instructions from it again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from data_juicer.engine.scheduling import events as e
from data_juicer.engine.scheduling.run_plan import RunPlan
from data_juicer.engine.scheduling.scheduler import Scheduler
from data_juicer.engine.scheduling.task_pool import PoolPlan, TaskPool
from data_juicer.portable import PortableJson

_JSON: Final = PortableJson[RunPlan | PoolPlan | e.Event](RunPlan | PoolPlan | e.Event)


def encode_history(step: RunPlan | PoolPlan | e.Event) -> bytes:
    """One line of a history, without its end: the plan of a scheduler or pool, or the event that it received next."""
    return _JSON.encode(step)


def replay(history: Iterable[bytes]) -> Iterator[list[e.Instruction]]:
    """What the schedulers of a history answered to each event.

    Raises: msgspec.DecodeError, msgspec.ValidationError: a line is none of `encode_history`.
    """
    scheduler: Scheduler | TaskPool | None = None
    for line in history:
        step = _JSON.decode(line)
        if isinstance(step, RunPlan):
            scheduler = Scheduler(step)
        elif isinstance(step, PoolPlan):
            scheduler = TaskPool(step)
        elif scheduler is not None:
            yield scheduler.handle(step)
