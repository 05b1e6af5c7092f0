"""What a run schedules: tasks, each with a key, a kind, inputs and resources; and where stages of a partition end. Pure.

A partition passes the operators of the recipe in stages. A stage begins at a committed checkpoint, or at the source, and
ends at the next boundary: before an operator that declares other resources (with a checkpoint), before a dataset
operator that is not resolved yet (with a summary), or after the last operator (with the result).
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from data_juicer.ops.operator_resources import OperatorResources


class TaskKind(enum.StrEnum):
    STAGE = "stage"
    """Rows of one partition through operators; executed by a worker."""
    RESOLVE = "resolve"
    """Decisions of a dataset operator from the summaries of all partitions; executed by the driver's process."""
    SCAN = "scan"
    """Some of the input, looked at for its rows; executed by a worker."""
    RESOLVE_SHARD = "resolve_shard"
    """Some keys or rows of a resolve; executed by a worker."""
    EXPORT_SHARD = "export_shard"
    """One file of an export that has several; executed by a worker."""


class TaskKey(msgspec.Struct, frozen=True, order=True, array_like=True, gc=False):
    """What a task is called everywhere: hashable, ordered, printable."""

    kind: TaskKind
    number: int
    """The partition of a stage; the operator of a resolve; else counted from 1 in the order in which tasks are made."""
    until: int = 0
    """The operator before which a stage ends; the number of operators for one that ends with the result."""
    is_summary: bool = False
    """The stage ends with the summary for that operator."""

    def __str__(self) -> str:
        if self.kind is TaskKind.RESOLVE:
            return f"resolve of operator {self.number}"
        if self.kind in (TaskKind.SCAN, TaskKind.RESOLVE_SHARD, TaskKind.EXPORT_SHARD):
            return f"{self.kind.replace('_', ' ')} {self.number}"
        summary = "the summary for " if self.is_summary else ""
        return f"partition {self.number} up to {summary}operator {self.until}"


def resolve_key(operator_index: int) -> TaskKey:
    return TaskKey(TaskKind.RESOLVE, operator_index)


End = Literal["checkpoint", "summary", "result", "decisions", "answer"]
"""What is committed last by a task, after which it is done; an answer is only reported."""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Neighbouring operators of a recipe that declare the same resources."""

    start: int
    """Index of the first operator."""
    stop: int
    """Index after the last one."""
    resources: OperatorResources


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A unit of work as it is handed out."""

    key: TaskKey
    end: End
    base: int | None = None
    """Input of a stage: the checkpoint after this operator; None: the source. A resolve reads all summaries."""
    segment: int = 0
    """Which segment's resources a stage needs."""


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """Partitions that go up to one boundary together: to the summaries for a dataset operator, or to the results."""

    until: int
    partitions: Sequence[int]
    """Those that have to, in the order in which they begin."""
    is_resolved: bool = False
    """The phase ends with the resolve of operator `until`."""
    rows_dead_before: int = 0
    """Dead letters of partitions that earlier runs brought there."""


def plan_segments(resources: Sequence[OperatorResources]) -> tuple[Segment, ...]:
    """Split a recipe where the declared resources change.

    Args:
        resources: of each operator, in the order of the recipe.
    Returns: at least one segment; one for a recipe whose operators all declare the same.
    """
    cuts = [index for index in range(1, len(resources)) if resources[index] != resources[index - 1]]
    edges = [0, *cuts, len(resources)]
    return tuple(
        Segment(start=start, stop=stop, resources=resources[start] if resources else OperatorResources())
        for start, stop in pairwise(edges)
    )


def segment_at(segments: Sequence[Segment], operator_index: int) -> int:
    """The segment that holds an operator; the last one for the end of the recipe."""
    for number, segment in enumerate(segments):
        if operator_index < segment.stop:
            return number
    return len(segments) - 1


def plan_stage(partition_id: int, base: int | None, phase: Phase, segments: Sequence[Segment]) -> Task:
    """The stage with which a partition goes on.

    Args:
        base: the operator after which its newest checkpoint is; None: it begins at the source.
        phase: where it has to go. Dataset operators before that are resolved and applied on the way.
    """
    start = 0 if base is None else base + 1
    number = segment_at(segments, start)
    cut = segments[number].stop
    is_last_segment = number + 1 == len(segments)
    if cut < phase.until or (
        cut == phase.until and phase.is_resolved and not is_last_segment and start < cut
    ):
        return Task(
            key=TaskKey(TaskKind.STAGE, partition_id, cut), end="checkpoint", base=base, segment=number
        )
    return Task(
        key=TaskKey(TaskKind.STAGE, partition_id, phase.until, phase.is_resolved),
        end="summary" if phase.is_resolved else "result",
        base=base,
        segment=number,
    )


def newest_base(checkpoints: Sequence[int], until: int) -> int | None:
    """The operator of a partition's newest checkpoint before a boundary; None where there is none."""
    return max((index for index in checkpoints if index < until), default=None)
