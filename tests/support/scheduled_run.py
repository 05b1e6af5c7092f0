"""A scheduler that tests hand one event after the other, without a driver."""

from __future__ import annotations

from collections.abc import Sequence

from data_juicer.engine.scheduling import events as e
from data_juicer.engine.scheduling.failures.dead_letter_budget import DeadLetterBudget
from data_juicer.engine.scheduling.failures.retry import RetryPolicy
from data_juicer.engine.scheduling.run_plan import RunPlan
from data_juicer.engine.scheduling.scheduler import Scheduler
from data_juicer.ops.operator_resources import OperatorResources
from data_juicer.plan.tasks import Phase, Segment, TaskKey, TaskKind, plan_segments

TWICE = RetryPolicy(retries_max=2, backoff="fixed", seed=1)
OPERATORS = 3
ONE_SEGMENT = plan_segments([OperatorResources()] * OPERATORS)
NO_BOUND = DeadLetterBudget(ratio_max=1.0, rows=1_000)


class ScheduledRun:
    """A scheduler, and the instructions that it gave and nobody looked at."""

    def __init__(
        self,
        partitions: Sequence[int],
        slots: int = 1,
        phases: Sequence[Phase] | None = None,
        segments: tuple[Segment, ...] = ONE_SEGMENT,
        checkpoints: dict[int, list[int]] | None = None,
        budget: DeadLetterBudget = NO_BOUND,
        retry: RetryPolicy = TWICE,
    ) -> None:
        self.scheduler = Scheduler(
            RunPlan(
                phases=tuple(phases or [Phase(until=OPERATORS, partitions=partitions)]),
                segments=segments,
                checkpoints=checkpoints or {},
                slots=slots,
                retry=retry,
                budget=budget,
                drain_s=7.0,
            )
        )
        self.begun: list[tuple[int, int]] = []
        """Partition and attempt of each Submit of a stage."""
        self.last = self.tell(e.RunBegan())

    def tell(self, event: e.Event) -> list[e.Instruction]:
        self.last = self.scheduler.handle(event)
        self.begun += [
            (it.task.key.number, it.attempt)
            for it in self.last
            if isinstance(it, e.Submit) and it.task.key.kind is TaskKind.STAGE
        ]
        return self.last

    @property
    def submits(self) -> list[tuple[int, int]]:
        """Partition and attempt that the last event began."""
        return [(it.task.key.number, it.attempt) for it in self.last if isinstance(it, e.Submit)]

    def key(self, partition: int) -> TaskKey:
        """The running stage of a partition."""
        return next(
            key for key in self.scheduler.running if key.kind is TaskKind.STAGE and key.number == partition
        )

    def finish(self, partition: int, rows_dead: int = 0) -> list[e.Instruction]:
        """Its attempt ends well and is committed; what both lead to."""
        key = self.key(partition)
        end = self.scheduler.running[key].task.end
        present = (key.until - 1,) if end == "checkpoint" else ()
        self.tell(e.StageStaged(task=key, operator_index=key.until - 1))
        reported = self.tell(e.AttemptDone(task=key))
        return reported + self.tell(
            e.StageCommitted(
                task=key,
                operator_index=key.until - 1,
                checkpoints=present,
                is_end=True,
                rows_dead=rows_dead,
            )
        )

    def fail(self, partition: int, **how: object) -> list[e.Instruction]:
        return self.tell(e.AttemptFailed(task=self.key(partition), **how))  # type: ignore[arg-type]

    def delay_over(self, partition: int) -> list[e.Instruction]:
        key = next(key for key in self.scheduler.waiting if key.number == partition)
        return self.tell(e.DelayOver(task=key))
