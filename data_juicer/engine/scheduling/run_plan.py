"""What the scheduler of a run is to bring about. Pure."""

from __future__ import annotations

import msgspec

from data_juicer.engine.scheduling.failures.dead_letter_budget import DeadLetterBudget
from data_juicer.engine.scheduling.failures.retry import RetryPolicy
from data_juicer.plan.tasks import Phase, Segment


class RunPlan(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a scheduler is to bring about, and within which limits."""

    phases: tuple[Phase, ...]
    segments: tuple[Segment, ...]
    checkpoints: dict[int, list[int]] = {}
    """Partition -> operators after which it has a committed checkpoint, rising."""
    slots: int
    """How many attempts the backend takes at once, at least 1."""
    segment_slots: tuple[int, ...] = ()
    """How many of those may be stages of each segment; empty: any number."""
    retry: RetryPolicy
    budget: DeadLetterBudget
    drain_s: float = 0.0
    attempts_before: int = 0
    """The largest number of an attempt that this run has made already."""
    works: frozenset[int] = frozenset()
    """Operators that some row of the job has passed already."""
    speculates: bool = False
    """Copies of stragglers are begun elsewhere."""
    unrepeatable: frozenset[int] = frozenset()
    """Operators that cost something outside: no stage with one of them is copied."""
