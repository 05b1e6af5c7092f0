"""A few rows of a job before and after each operator, from what is committed: for people who look at it, in bounded time and memory."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from data_juicer.engine.replay.dropped import DroppedRow, DroppedRows
from data_juicer.engine.replay.replay import JobReplay
from data_juicer.engine.worker.sampling import TraceRecord, resolve_place, sample_changed
from data_juicer.errors import DataJuicerError
from data_juicer.job.layout import JobLayout
from data_juicer.job.summary import JobSummary
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.storage.base import Store

PARTITIONS_MAX: Final = 8
ROWS_MAX: Final = 200
"""Of a partition, that operators are run on."""


class RowSamples(msgspec.Struct, frozen=True, kw_only=True):
    changed: tuple[TraceRecord, ...]
    dropped: tuple[DroppedRow, ...]
    partitions: int
    """That were looked at."""
    problem: str | None
    """Why rows after some operator could not be shown; None where all were."""


def sample_rows(
    store: Store, layout: JobLayout, summary: JobSummary, size: int, is_time_over: Callable[[], bool]
) -> RowSamples:
    """Rows of partitions that are drawn by the job's seed, until each operator has its samples or it takes too long.

    Args:
        size: of changed rows of each operator, and of dropped ones.
        is_time_over: asked after each operator; a single one is bounded by ROWS_MAX rows.
    Raises: DataJuicerError: the input of the job is not known, or a directory cannot be listed.
    """
    seed = summary.config.get("seed")
    drawn = _Drawn(store, layout, summary, seed if isinstance(seed, int) else 42, size)
    for spec in drawn.specs():
        if is_time_over() or drawn.is_enough():
            break
        drawn.take(spec, is_time_over)
    return drawn.samples()


class _Drawn:
    def __init__(self, store: Store, layout: JobLayout, summary: JobSummary, seed: int, size: int) -> None:
        self._replay = JobReplay(store, layout, summary, rows_max=ROWS_MAX)
        self._finder = DroppedRows(store, layout, self._replay, seed)
        self._seed = seed
        self._size = size
        self._changed: dict[int, list[TraceRecord]] = {}
        self._dropped: dict[int, list[DroppedRow]] = {}
        self._partitions = 0
        self._problem: str | None = None

    def specs(self) -> Iterator[PartitionSpec]:
        committed = self._replay.committed
        specs = [spec for spec in self._replay.partitions.values() if spec.partition_id in committed]
        draw = random.Random(f"samples {self._seed}")  # noqa: S311 - repeatable, no secret
        yield from draw.sample(sorted(specs, key=lambda spec: spec.position), min(len(specs), PARTITIONS_MAX))

    def is_enough(self) -> bool:
        """Whether every operator has as many rows as are wanted of either kind."""
        found = (
            max(len(self._changed.get(index, ())), len(self._dropped.get(index, ())))
            for index in range(len(self._replay.operators))
        )
        return all(count >= self._size for count in found)

    def take(self, spec: PartitionSpec, is_time_over: Callable[[], bool]) -> None:
        self._partitions += 1
        try:
            dead = self._finder.dead_letters(spec, self._replay.manifests(spec.partition_id))
            for step in self._replay.steps(spec.partition_id):
                changed = self._changed.setdefault(step.first, [])
                dropped = self._dropped.setdefault(step.first, [])
                room = self._size - len(changed)
                records = sample_changed(step.name, step.first, step.before, step.after, room, self._seed)
                changed += (resolve_place(record, spec) for record in records)
                dropped += self._finder.rows_of(spec, step, dead, self._size - len(dropped))
                if is_time_over():
                    return
        except DataJuicerError as error:
            self._problem = self._problem or str(error)

    def samples(self) -> RowSamples:
        return RowSamples(
            changed=tuple(row for _, rows in sorted(self._changed.items()) for row in rows),
            dropped=tuple(row for _, rows in sorted(self._dropped.items()) for row in rows),
            partitions=self._partitions,
            problem=self._problem,
        )
