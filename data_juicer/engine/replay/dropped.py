"""Rows that operators dropped: each with the operator, what it measured and its bound, its place in the source; a duplicate with
the row that stays.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
import numpy as np

from data_juicer.engine.output.dedup_report import KeptPlace, place_of_kept
from data_juicer.engine.replay import parts
from data_juicer.engine.replay.replay import JobReplay, Step
from data_juicer.errors import CheckpointError, DataJuicerError, JobError
from data_juicer.formats.places import locate
from data_juicer.job.layout import JobLayout
from data_juicer.ops.base import DatasetOperator, Filter
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.storage.base import Store
from data_juicer.store.decisions import read_dead, read_decision
from data_juicer.store.manifest import Manifest
from data_juicer.store.resolve.row_locations import KEPT_SOURCE_ROW
from data_juicer.store.staging import read_lines

TEXT_LENGTH_MAX: Final = 300
"""Of the text of a row that is shown."""


class DroppedRow(msgspec.Struct, frozen=True, kw_only=True):
    operator: str
    """One, or `FIRST to LAST` where operators between two checkpoints may not be run here."""
    operator_index: int
    """Of the first of them."""
    why: str
    """Statistic and bound, or the row that stays in its place; empty where only the operator itself knows."""
    source: str
    place: str
    """`line 12`, `row group 0, row 3`; empty for a row that an operator made."""
    text: str
    """The beginning of the text that the operator saw."""
    partition: int
    kept_source: str | None = None
    kept_row: int | None = None
    """Of a duplicate, the row that stays, from 0 in its source; -1 for one that an operator made."""
    kept_index: str | None = None
    """The index that has that row, where it is one of an earlier job,"""
    kept_job: str | None = None
    """and that job."""
    similarity: float | None = None


class DroppedRows:
    """Finds them partition by partition, in memory of one partition."""

    def __init__(self, store: Store, layout: JobLayout, replay: JobReplay, seed: int) -> None:
        self._store = store
        self._layout = layout
        self._replay = replay
        self._seed = seed
        self._positions = {spec.position: spec for spec in replay.partitions.values()}
        self.unseen: dict[int, str] = {}
        """Partitions that could not be looked at, and why."""

    def every(self, wanted: Callable[[int, str], bool]) -> Iterator[DroppedRow]:
        """In the order of the input.

        Args:
            wanted: operator index and name -> whether its rows are asked for.
        """
        for spec in sorted(self._replay.partitions.values(), key=lambda spec: spec.position):
            yield from self._of(spec, wanted, None)

    def sample(self, wanted: Callable[[int, str], bool], size: int) -> dict[int, list[DroppedRow]]:
        """At most `size` rows of each operator that is wanted, from partitions that are drawn by the job's seed."""
        names = self._replay.names()
        short = {index for index, name in enumerate(names) if wanted(index, name)}
        found: dict[int, list[DroppedRow]] = {}
        committed = [
            spec for spec in self._replay.partitions.values() if spec.partition_id in self._replay.committed
        ]
        specs = sorted(committed, key=lambda spec: spec.position)
        random.Random(f"dropped {self._seed}").shuffle(specs)  # noqa: S311 - repeatable, no secret
        for spec in specs:
            if not short:
                break
            asked = frozenset(short)
            for row in self._of(spec, lambda index, _, asked=asked: index in asked, size):  # type: ignore[misc]
                chosen = found.setdefault(row.operator_index, [])
                if len(chosen) < size:
                    chosen.append(row)
            short -= {index for index, rows in found.items() if len(rows) >= size}
        return dict(sorted(found.items()))

    def _of(
        self, spec: PartitionSpec, wanted: Callable[[int, str], bool], size: int | None
    ) -> Iterator[DroppedRow]:
        try:
            manifests = self._replay.manifests(spec.partition_id)
            newest = manifests[1] or manifests[0]
            if newest is not None and not _has_dropped(newest, wanted):
                return
            dead = self.dead_letters(spec, manifests)
            last = max(
                (index for index, name in enumerate(self._replay.names()) if wanted(index, name)), default=-1
            )
            for step in self._replay.steps(spec.partition_id):
                if any(wanted(index, name) for index, name in self._covered(step)):
                    yield from self.rows_of(spec, step, dead, size)
                if step.last >= last:
                    return
        except DataJuicerError as error:
            self.unseen[spec.partition_id] = str(error)

    def _covered(self, step: Step) -> Iterator[tuple[int, str]]:
        names = self._replay.names()
        return ((index, names[index]) for index in range(step.first, step.last + 1))

    def rows_of(
        self, spec: PartitionSpec, step: Step, dead: set[tuple[int, int]], size: int | None
    ) -> Iterator[DroppedRow]:
        """The rows that a step dropped, at most `size` of them, in their order. Raises: StoreError."""
        if isinstance(step.operator, DatasetOperator) and step.operator.collects_rows:
            return  # its rows went into others
        numbers = step.before.numbers()
        rows = [
            int(row)
            for row in step.dropped
            if not any((index, int(numbers[row])) in dead for index in range(step.first, step.last + 1))
        ]
        if size is not None and len(rows) > size:
            draw = random.Random(f"{self._seed} {spec.digest} {step.first}")  # noqa: S311 - repeatable, no secret
            rows = heapq.nsmallest(size, rows, key=lambda _: draw.random())
        if not rows:
            return
        reasons, kept = self._reasons(step, rows), self._kept(spec, step)
        for row, why in zip(sorted(rows), reasons, strict=True):
            yield self._row(spec, step, row, why, kept.get(row))

    def _row(
        self,
        spec: PartitionSpec,
        step: Step,
        row: int,
        why: str,
        kept: tuple[KeptPlace, float | None] | None,
    ) -> DroppedRow:
        origin = int(step.before.origin[row])
        source, place = spec.source_path, ""
        if origin >= 0:
            source, found = locate(step.before.source.place(origin), spec)
            place = str(found)
        if kept is not None:
            why = _why_duplicate(*kept, source)
        return DroppedRow(
            operator=step.name,
            operator_index=step.first,
            why=why,
            source=source,
            place=place,
            text=_text(step, row),
            partition=spec.partition_id,
            kept_source=kept[0].source if kept else None,
            kept_row=kept[0].row if kept else None,
            kept_index=kept[0].index if kept else None,
            kept_job=kept[0].job if kept else None,
            similarity=kept[1] if kept else None,
        )

    def _reasons(self, step: Step, rows: Sequence[int]) -> list[str]:
        """What a filter says of each row, in their order."""
        operator = step.operator
        if not isinstance(operator, Filter):
            return [""] * len(rows)
        self._replay.prepare(step.first, operator)
        stats = operator.compute_stats(step.before.take(np.array(sorted(rows), np.int32)))
        return [
            operator.explain({name: column[number].as_py() for name, column in stats.items()})
            for number in range(len(rows))
        ]

    def _kept(self, spec: PartitionSpec, step: Step) -> dict[int, tuple[KeptPlace, float | None]]:
        """Row that a deduplicator removed -> the one that stays, and how near it is."""
        if step.first != step.last or not isinstance(self._replay.operators[step.first][1], DatasetOperator):
            return {}
        manifest = parts.find_resolve(self._store, self._layout, step.first)
        decision = (
            next((each for each in manifest.decisions if each.partition == spec.partition_id), None)
            if manifest
            else None
        )
        if decision is None or not decision.rows_removed:
            return {}
        try:
            table = read_decision(self._store, self._layout.checkpoints_dir, decision)
            dead = read_dead(self._store, self._layout.checkpoints_dir, decision)
        except CheckpointError:
            return {}
        if KEPT_SOURCE_ROW not in table.column_names:
            return {}
        alive = np.setdiff1d(np.arange(len(step.before)), np.array(dead.rows, np.int64))
        table = table.slice(0, len(alive))  # a replay may go through the first rows of a partition alone
        return {
            int(alive[number]): (place_of_kept(row, self._positions), row["similarity"])
            for number, row in enumerate(table.to_pylist())
            if not row["keep"]
        }

    def dead_letters(
        self, spec: PartitionSpec, manifests: tuple[Manifest | None, Manifest | None]
    ) -> set[tuple[int, int]]:
        """Operator and row of the partition of each dead letter; -1 for a row that an operator made."""
        from data_juicer.store.dead_letters import CommittedDeadLetter, decode_dead_letter

        checkpoint, result = manifests
        folder = self._layout.checkpoints_dir if result is None else self._layout.dead_letter_dir
        newest = result or checkpoint
        files = newest.dead_letters if newest is not None else ()
        letters = map(decode_dead_letter, read_lines(self._store, folder, files))
        return {
            (letter.operator_index, letter.place.row if letter.place else -1)
            if isinstance(letter, CommittedDeadLetter)
            else (letter.operator_index, letter.source_row - spec.fragment.row_start)
            for letter in letters
        }


def _has_dropped(manifest: Manifest, wanted: Callable[[int, str], bool]) -> bool:
    """Whether an operator that is asked for dropped a row of the partition."""
    return any(
        wanted(ledger.index, ledger.name)
        for ledger in manifest.ledgers
        if ledger.rows_filtered or ledger.rows_duplicate
    )


def _text(step: Step, row: int) -> str:
    """What the operator read of the row, or its first text."""
    keys = step.operator.text_keys_read() if step.operator is not None else ()
    batch = step.before
    for key in (*keys, *batch.texts, "text"):
        column = batch.find_text(key)
        if column is not None:
            return str(column[row].as_py())[:TEXT_LENGTH_MAX]
    return batch.source.raw(int(batch.origin[row]))[:TEXT_LENGTH_MAX].decode(errors="replace")


def check_operator(replay: JobReplay, asked: str) -> int:
    """The index of an operator that a person names: by its name, or by its number from 1 on. Raises: JobError."""
    names = replay.names()
    if asked.isascii() and asked.isdigit() and 1 <= int(asked) <= len(names):
        return int(asked) - 1
    found = [index for index, name in enumerate(names) if name == asked]
    if len(found) == 1:
        return found[0]
    choices = ", ".join(f"{number} {name}" for number, name in enumerate(names, start=1))
    problem = (
        "is in the recipe more than once; name it by its number" if found else "is no operator of this job"
    )
    raise JobError(f"--op {asked} {problem}: {choices}.")


def _why_duplicate(kept: KeptPlace, similarity: float | None, source: str) -> str:
    """
    Args:
        source: of the row that was dropped.
    """
    file = "the same file" if kept.source == source and kept.job is None else kept.source
    where = f"row {kept.row + 1:,} of {file}" if kept.row >= 0 else "a row that an operator made"
    earlier = "" if kept.job is None else f", kept by job {kept.job}"
    is_exact = similarity is None or np.isnan(similarity) or similarity == 1.0
    return f"a duplicate of {where}{earlier}{'' if is_exact else f', similarity {similarity:.3f}'}"
