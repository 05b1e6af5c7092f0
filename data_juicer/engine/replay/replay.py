"""The rows of one partition through the operators of its job, one step after the other.

What is committed is taken where it is there: the deltas of the newest checkpoint hold the rows after each operator that was
saved. Between them, built-in operators are applied again in memory; they give the same rows. Operators that may not be run here are
passed in one step with those up to the next checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec
import numpy as np

from data_juicer.engine.replay import parts
from data_juicer.engine.worker.apply_operator import run_operator
from data_juicer.engine.worker.dataset_operator import apply_decision
from data_juicer.errors import CheckpointError, ConfigError, JobError
from data_juicer.formats.partition import read_partition
from data_juicer.formats.whole_files import read_whole_files
from data_juicer.job.layout import JobLayout
from data_juicer.job.names import parse_checkpoint_name
from data_juicer.job.summary import JobSummary
from data_juicer.ops.base import DatasetOperator, Operator
from data_juicer.ops.context import OperatorContext, prepare_operator
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.rows.batch import Batch
from data_juicer.storage import open_store
from data_juicer.storage.base import Store
from data_juicer.store.decisions import read_dead, read_decision
from data_juicer.store.deltas import BASE, apply_delta, join_batches, split_batch
from data_juicer.store.manifest import DataFile, Manifest
from data_juicer.store.staging import read_delta

_MB = 1_000_000


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Operators `first` to `last`, which are one operator unless one of them may not be run here."""

    first: int
    last: int
    name: str
    before: Batch
    after: Batch
    """`base` counts in `before`."""
    operator: Operator | None
    """None where it may not be run here, or where there are several."""

    @property
    def dropped(self) -> np.ndarray[Any, np.dtype[np.int32]]:
        """The rows of `before` that no row of `after` is from, in order."""
        base = self.after.base
        if base is None:
            return np.empty(0, np.int32)
        return np.setdiff1d(np.arange(len(self.before), dtype=np.int32), base)


class JobReplay:
    """Replays partitions of one job."""

    def __init__(
        self,
        store: Store,
        layout: JobLayout,
        summary: JobSummary,
        *,
        run_custom: bool = False,
        rows_max: int | None = None,
    ) -> None:
        """
        Args:
            run_custom: run operators of the job's own code here.
            rows_max: operators are run on so many rows at most, the first ones of each stretch between two checkpoints.
        Raises: JobError: the input of the job is not known.
        """
        self._store = store
        self._layout = layout
        self._config = summary.config
        self._rows_max = rows_max
        self._row_bytes_max = _row_bytes_max(summary.config)
        self._prepared: set[int] = set()
        self.operators = parts.make_operators(summary, run_custom=run_custom)
        self.partitions = {spec.partition_id: spec for spec in parts.load_mapping(store, layout).partitions}

    @cached_property
    def committed(self) -> parts.CommittedNames:
        """What was committed when this was first asked. Raises: StoreError."""
        return parts.committed_names(self._store, self._layout)

    def manifests(self, partition_id: int) -> tuple[Manifest | None, Manifest | None]:
        """The newest checkpoint of a partition, and its result. Raises: StoreError."""
        return parts.committed_manifests(self._store, self._layout, self.committed, partition_id)

    def names(self) -> list[str]:
        return [name for name, _ in self.operators]

    def partition(self, partition_id: int) -> PartitionSpec:
        """Raises: ConfigError: there is no such partition."""
        if partition_id not in self.partitions:
            raise ConfigError(
                f"--partition {partition_id}: the job has partitions 0 to {max(self.partitions, default=0)}."
            )
        return self.partitions[partition_id]

    def steps(self, partition_id: int) -> Iterator[Step]:
        """The rows before and after each operator, as far as something is committed of the partition.

        Raises: JobError: nothing is, or an operator that may not be run here is in the way. InputError: its source changed.
        """
        spec = self.partition(partition_id)
        checkpoint, result = self.manifests(partition_id)
        newest = result or checkpoint
        if newest is None or newest.fragment != spec.digest:
            raise JobError(f"partition {partition_id}: nothing of it is committed. Nothing was changed.")
        text_keys = parts.find_text_keys(newest, self.operators, self._config, self._row_bytes_max)
        is_empty = self._config.get("null_text") == "empty"
        rows = read_partition(self._store, spec, text_keys, self._row_bytes_max, null_is_empty=is_empty)
        deltas = _deltas(
            checkpoint.files if checkpoint is not None and checkpoint.fragment == spec.digest else ()
        )
        stop = len(self.operators) if result is not None else newest.operator_index + 1
        yield from self._through(spec, rows.batch.rebased(), deltas, stop)

    def _through(
        self, spec: PartitionSpec, batch: Batch, deltas: dict[int, DataFile], stop: int
    ) -> Iterator[Step]:
        """From the source up to `stop`; each stretch between two checkpoints begins at what is committed."""
        done = 0
        for saved in sorted(index for index in deltas if index < stop):
            step = self._from_delta(done, saved, batch, deltas[saved])
            if step is None:  # damaged: what is above it cannot be read without it
                break
            one_by_one = done < saved and all(map(self._may_run, range(done, saved + 1)))
            yield from self._apply(spec, done, saved + 1, batch) if one_by_one else [step]
            batch, done = step.after.rebased(), saved + 1
        yield from self._apply(spec, done, stop, batch)

    def _apply(self, spec: PartitionSpec, start: int, stop: int, batch: Batch) -> Iterator[Step]:
        """Each operator of a stretch in memory. Raises: JobError: one of them may not be run here."""
        if self._rows_max is not None and len(batch) > self._rows_max:
            batch = batch.take(np.arange(self._rows_max, dtype=np.int32)).rebased()
        for index in range(start, stop):
            step = self._run(spec, index, batch)
            if step is None:
                name, operator = self.operators[index]
                raise JobError(
                    f"rows after operator {index + 1} ({name}) are not saved, and it is not run to look at them. "
                    f"{_advice(operator)}"
                )
            yield step
            batch = step.after.rebased()

    def _may_run(self, index: int) -> bool:
        operator = self.operators[index][1]
        if not isinstance(operator, DatasetOperator):
            return operator is not None
        return not operator.collects_rows and parts.find_resolve(self._store, self._layout, index) is not None

    def _from_delta(self, first: int, last: int, below: Batch, file: DataFile) -> Step | None:
        """The step that a delta holds; None where its file is damaged or gone."""
        try:
            table = read_delta(self._store, self._layout.checkpoints_dir, file)
        except CheckpointError:
            return None
        after = msgspec.structs.replace(apply_delta(below, table), base=table.column(BASE).to_numpy())
        return self._step(first, last, below, after)

    def _step(self, first: int, last: int, before: Batch, after: Batch) -> Step:
        names = [name for name, _ in self.operators[first : last + 1]]
        operator = self.operators[first][1] if first == last else None
        return Step(
            first=first,
            last=last,
            name=" to ".join(dict.fromkeys((names[0], names[-1]))),
            before=before,
            after=after,
            operator=operator,
        )

    def _run(self, spec: PartitionSpec, index: int, batch: Batch) -> Step | None:
        """Apply one operator in memory; None where that may not be done."""
        _, operator = self.operators[index]
        if operator is None:
            return None
        batches = split_batch(batch, max(1, len(batch)))
        if isinstance(operator, DatasetOperator):
            resolve = None if operator.collects_rows else parts.find_resolve(self._store, self._layout, index)
            decision = (
                None
                if resolve is None
                else next((each for each in resolve.decisions if each.partition == spec.partition_id), None)
            )
            if decision is None:
                return None
            try:
                table = read_decision(self._store, self._layout.checkpoints_dir, decision)
                dead = read_dead(self._store, self._layout.checkpoints_dir, decision)
            except CheckpointError:
                return None
            if (
                self._rows_max is not None and not operator.collects_rows
            ):  # decisions are in the order of the rows
                dead = msgspec.structs.replace(dead, rows=tuple(row for row in dead.rows if row < len(batch)))
                table = table.slice(0, len(batch) - len(dead.rows))
            applied = apply_decision(operator, index, batches, table, dead)
        else:
            self.prepare(index, operator)
            applied = run_operator(operator, index, batches)
        return self._step(index, index, batch, join_batches(applied.batches))

    def prepare(self, index: int, operator: Operator) -> None:
        """Load what the operator needs to process rows, once. Raises: ConfigError, OperatorError."""
        if index not in self._prepared:
            keys, seed = self._config.get("text_keys"), self._config.get("seed")
            context = OperatorContext(
                store=self._store,
                seed=seed if isinstance(seed, int) else 42,
                text_keys=tuple(map(str, keys)) if isinstance(keys, list) else ("text",),
                read_rows=lambda inputs: read_whole_files(open_store(*inputs), inputs),
            )
            prepare_operator(operator, context)
            self._prepared.add(index)


def _deltas(files: tuple[DataFile, ...]) -> dict[int, DataFile]:
    """Operator -> the file of a checkpoint's chain that holds what changed up to it."""
    parsed = ((parse_checkpoint_name(file.name), file) for file in files)
    return {name.operation_idx: file for name, file in parsed if name is not None}


def _row_bytes_max(config: Any) -> int:
    partition = config.get("partition")
    size_mb = partition.get("max_row_mb") if isinstance(partition, dict) else None
    return (size_mb if isinstance(size_mb, int) else 64) * _MB


def _advice(operator: Operator | None) -> str:
    if operator is None:
        return (
            f"It is code of the job's own, or calls a model; to have such code run here: {parts.RUN_CUSTOM}"
        )
    return "Its decisions are not there any more: retention_policy keep_all keeps them."
