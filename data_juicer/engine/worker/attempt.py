"""One attempt on its way: the rows of a partition through the operators, and the files of each stage."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

import msgspec
import numpy as np
from msgspec.structs import replace

from data_juicer.engine.protocol import messages as m
from data_juicer.engine.worker import failures
from data_juicer.engine.worker.apply_operator import Applied, DeadRow, Watch, run_operator
from data_juicer.engine.worker.context import WorkerContext
from data_juicer.engine.worker.row_isolation import RowIsolation, tell_nobody
from data_juicer.engine.worker.stage_writer import StageWriter
from data_juicer.errors import (
    COMMITTED_IS_SAFE,
    CheckpointCorruptError,
    InputError,
    OperatorError,
    StoreError,
)
from data_juicer.formats.base import NULL_TEXT, ReadRows
from data_juicer.formats.partition import UnreadableCopyError, read_partition
from data_juicer.job.names import parse_produced_name
from data_juicer.kernels.patterns.timed import new_budget
from data_juicer.ops.base import DatasetOperator, Operator
from data_juicer.ops.effects import EffectMapper
from data_juicer.plan.mixture import sample_rows
from data_juicer.rows.batch import Batch
from data_juicer.store.commit import set_aside
from data_juicer.store.dead_letters import CommittedDeadLetter, encode_dead_letter
from data_juicer.store.deltas import in_slices, join_batches, split_batch
from data_juicer.store.ledger import READ, OperatorLedger
from data_juicer.store.manifest import DataFile, Manifest
from data_juicer.store.staging import load_deltas, read_file

if TYPE_CHECKING:
    from data_juicer.engine.worker.dataset_operator import Summarised


class AttemptRunner:
    """One attempt on its way through the operators."""

    def __init__(self, context: WorkerContext, attempt: m.Attempt) -> None:
        self.context = context
        self.setup = context.setup
        self.attempt = attempt
        self.partition = attempt.partition
        self.key = attempt.key
        self.index: int | None = None
        """The operator under way; None while rows are read or written."""
        self.stages = StageWriter(context, attempt)
        self.dead_letters, self.traces = self.stages.dead_letters, self.stages.traces
        self.made_last: list[DataFile] = []
        self.ledgers: list[OperatorLedger] = []
        self.batches: list[Batch] = []
        self.isolation = msgspec.structs.replace(
            attempt.isolation,
            excluded=tuple(
                m.ExcludedRow(
                    row=m.OperatorRow(operator_index=row.operator_index, row=row.row, origin=row.origin),
                    reason=row.reason,
                )
                for row in self.stages.lost_rows
            ),
        )
        self.saved = attempt.base.operator_index if attempt.base else -1
        """The operator after which the newest checkpoint is, committed or handed to the saver; -1: the source."""
        self.clock = WorkClock()
        self.below: Batch
        self.summary: Summarised

    # ---- rows

    def load(self) -> Iterator[m.Message]:
        """The rows of the partition as the source, or the checkpoint to go on from, holds them."""
        started_s = time.perf_counter()
        rows = self._read()
        base = self.attempt.base
        if base is None:
            yield self._begin(rows, started_s)
        else:
            self._continue(rows, base)
            yield m.CheckpointLoaded(
                task=self.key,
                attempt=self.attempt.name,
                operator_index=base.operator_index,
                rows=base.rows,
                duration_s=time.perf_counter() - started_s,
            )

    def _read(self) -> ReadRows:
        """The rows as they came. A damaged copy of the input loses its name, so that the next run makes it again."""
        return sample_rows(self._read_all(), self.partition)

    def _read_all(self) -> ReadRows:
        try:
            return read_partition(
                self.context.store,
                self.partition,
                self.setup.text_keys,
                self.setup.row_bytes_max,
                null_is_empty=self.setup.null_text == "empty",
            )
        except UnreadableCopyError as error:
            path, found = error.path, "missing"
            if self.context.store.exists(path):
                set_aside(self.context.store, [path])
                found = "damaged and was set aside"
            raise InputError(
                f"{path}, a copy of rows of {self._source_of(path)}, is {found}. The input did not change; "
                "committed work is safe. Start the job again: the copy is made again."
            ) from error

    def _source_of(self, copy_path: str) -> str:
        parts = self.partition.parts
        return next(part.source_path for part in parts if part.copy_path == copy_path)

    def _maker_of(self, file: DataFile) -> str:
        """The operator that made a file."""
        parsed = parse_produced_name(file.name)
        if parsed is None or parsed.operation_idx >= len(self.setup.operators):
            raise CheckpointCorruptError(f"{file.name} is no name of a file that an operator made.")
        return self.setup.operators[parsed.operation_idx].name

    def _begin(self, rows: ReadRows, started_s: float) -> m.OperatorDone:
        dropped = [row for row in rows.bad if self.setup.null_text == "drop" and row.error_type == NULL_TEXT]
        bad = [row for row in rows.bad if row not in dropped] if dropped else rows.bad
        self.context.made.begin(self.partition.partition_id, self.attempt.name)
        self._take_out([failures.unread(self.attempt, row) for row in bad])
        ledger = OperatorLedger(
            index=-1,
            name=READ,
            rows_in=rows.rows_in,
            rows_out=len(rows.batch),
            rows_generated=rows.rows_repeated,
            rows_filtered=rows.rows_left_out,
            rows_dead_letter=len(bad),
            rows_null_text=len(dropped),
            duration_s=time.perf_counter() - started_s,
        )
        self.ledgers.append(ledger)
        self._go_on_from(rows.batch)
        return m.OperatorDone(task=self.key, attempt=self.attempt.name, ledger=ledger)

    def _continue(self, rows: ReadRows, base: Manifest) -> None:
        directory = self.context.layout.checkpoints_dir
        self.stages.go_on_from(base)
        for file in base.produced:  # rows refer to them
            read_file(self.context.store, self.context.layout.produced_dir, file)
        batch = load_deltas(
            self.context.store,
            directory,
            base.files,
            rows.batch,
            memory_map=self.setup.memory_map,
            observe=self.stages.stats.load,
        )
        self.context.made.begin(
            self.partition.partition_id,
            self.attempt.name,
            [(self._maker_of(file), file) for file in base.produced],
        )
        self.ledgers = list(base.ledgers)
        self._go_on_from(batch)

    def _go_on_from(self, batch: Batch) -> None:
        self.below = batch.rebased()
        self.batches = split_batch(self.below, self.setup.batch_rows_max, self.setup.batch_bytes_max)

    # ---- operators

    def run_operators(self) -> Iterator[m.Message]:
        begin = self.attempt.base.operator_index + 1 if self.attempt.base else 0
        stop, end = self.key.until, self.attempt.task.end
        for index in range(begin, stop):
            if self.context.saver.has_failed(self.key):
                raise StoreError("an earlier stage of this attempt could not be saved.")
            self.index = index
            if self._is_suspected(index):
                yield from self._save_before(index)
            yield m.OperatorStarted(task=self.key, attempt=self.attempt.name, operator_index=index)
            yield self._run_operator(index)
            if self.setup.preserve_intermediate:
                self.stages.save_intermediate(index, join_batches(self.batches))
            if self._saves_after(index) or (index + 1 == stop and end != "result"):
                yield from self._save_checkpoint(index)
        if end == "summary":
            self.index = stop
            if self._is_suspected(stop):
                yield from self._save_before(stop)
            yield m.OperatorStarted(task=self.key, attempt=self.attempt.name, operator_index=stop)
            self.summary = self._summarise(stop)
        self.index = None
        self.made_last = self.context.made.take_new()

    def _run_operator(self, index: int) -> m.OperatorDone:
        operator = self.context.prepared(index)
        new_budget()
        started_s = time.perf_counter()
        watch = self._watch(operator, index)
        self.batches = self._bounded(operator)
        if isinstance(operator, DatasetOperator):
            applied = self._apply_decision(operator, index, watch)
        elif isinstance(operator, EffectMapper):
            from data_juicer.engine.worker.effect_calls import EffectCalls  # asyncio is slow to import

            with EffectCalls(operator, self._isolation(index)) as calls:
                calls.try_first(self.batches)
                applied = run_operator(operator, index, self.batches, watch, run_on_batch=calls.run)
        else:
            applied = run_operator(operator, index, self.batches, watch, self._isolation(index))
        self.batches = applied.batches
        self._take_out(self._letters_of(applied.dead, operator, index))
        ledger = _timed(applied.ledger, time.perf_counter() - started_s)
        self.ledgers.append(ledger)
        if applied.stats is not None:
            self.stages.stats.add(ledger, applied.stats)
        return m.OperatorDone(task=self.key, attempt=self.attempt.name, ledger=ledger)

    def _apply_decision(self, operator: DatasetOperator, index: int, watch: Watch | None) -> Applied:
        """Applies a decision. The seconds that led to the decision count as the operator's."""
        from data_juicer.engine.worker.dataset_operator import (
            apply_decision,
        )  # few recipes have such operators
        from data_juicer.engine.worker.summary_files import load_decision

        decision = self.attempt.decisions[index]
        table, dead = load_decision(self.context.store, self.context.layout, decision, operator)
        applied = apply_decision(operator, index, self.batches, table, dead, watch)
        self.dead_letters.add(dead.dead_letters)
        ledger = msgspec.structs.replace(
            applied.ledger, duration_s=decision.duration_s, text_bytes=decision.text_bytes
        )
        rows_max, bytes_max = self.setup.batch_rows_max, self.setup.batch_bytes_max
        slices = [part for batch in applied.batches for part in in_slices(batch, rows_max, bytes_max)]
        return replace(applied, batches=slices, ledger=ledger)

    def _bounded(self, operator: Operator) -> list[Batch]:
        """The batches in slices that hold no more bytes than the operator takes, or the job gives, at once."""
        bytes_max = min(operator.batch_bytes_max or self.setup.batch_bytes_max, self.setup.batch_bytes_max)
        if not operator.batch_bytes_max and all(batch.written_bytes <= bytes_max for batch in self.batches):
            return self.batches
        rows_max = self.setup.batch_rows_max
        return [
            part
            for batch in self.batches
            for part in in_slices(batch, rows_max, bytes_max, operator.row_bytes(batch))
        ]

    def _summarise(self, index: int) -> Summarised:
        from data_juicer.engine.worker.dataset_operator import summarise

        started_s = time.perf_counter()
        operator = cast("DatasetOperator", self.context.prepared(index))
        new_budget()
        made = summarise(operator, index, self.batches, self._isolation(index))
        self._refuse_unless_quarantined(self._letters_of(made.dead, operator, index))
        return replace(made, ledger=_timed(made.ledger, time.perf_counter() - started_s))

    def _letters_of(
        self, dead: Sequence[DeadRow], operator: Operator, index: int
    ) -> list[CommittedDeadLetter]:
        return [failures.failed(self.attempt, operator.name, index, row) for row in dead]

    def _isolation(self, index: int) -> RowIsolation:
        """Rows are announced only where somebody listens: it costs a message each time."""
        plan = self.isolation
        listened = self.setup.op_timeout_s > 0 or index in plan.row_by_row
        announce = self._announce if listened else tell_nobody
        if (between := self.context.between_batches) is None:
            return RowIsolation.of(plan, index, announce)

        def announce_between(first: m.OperatorRow, rows: int, alone: bool) -> None:
            between()
            announce(first, rows, alone)

        return RowIsolation.of(plan, index, announce_between)

    def _announce(self, first: m.OperatorRow, rows: int, alone: bool) -> None:
        self.context.tell(
            m.RowsStarted(task=self.key, attempt=self.attempt.name, first=first, rows=rows, alone=alone)
        )

    def _take_out(self, dead_letters: list[CommittedDeadLetter]) -> None:
        self._refuse_unless_quarantined(dead_letters)
        self.dead_letters.add(encode_dead_letter(dead_letter) for dead_letter in dead_letters)

    def _refuse_unless_quarantined(self, dead_letters: list[CommittedDeadLetter]) -> None:
        """Raises: OperatorError: there is a bad row, and the job is not to go on without it."""
        if dead_letters and not self.setup.quarantine:
            first = dead_letters[0].resolve(self.partition.partition_id, self.partition)
            raise OperatorError(
                f"{first.source}, {first.place}: {first.operator}: {first.error_type}: {first.message} "
                f"(fault_tolerance.on_bad_row is fail). {COMMITTED_IS_SAFE}. Mend the row, or set "
                "fault_tolerance.on_bad_row to quarantine, which makes it a dead letter, and start the job again."
            )

    def _watch(self, operator: Operator, index: int) -> Watch | None:
        """What samples the rows of an operator that is traced."""
        size, seed = self.setup.trace_num, self.setup.seed
        if not size or index not in self.setup.traced:
            return None
        from data_juicer.engine.worker import sampling

        return lambda before, after: self.traces.add(
            sampling.encode(record) for record in sampling.sample(operator, index, before, after, size, seed)
        )

    # ---- saving

    def _saves_after(self, index: int) -> bool:
        rule, clock = self.attempt.save_rule, self.clock
        if index in self.setup.checkpoint_after or rule is None:
            return index in self.setup.checkpoint_after
        return rule.pays(
            index,
            self.key.until,
            unsaved_s=clock.unsaved_s,
            worked_s=clock.worked_s,
            spent_s=clock.saves * rule.save_s[index],
        )

    def _is_suspected(self, index: int) -> bool:
        """Workers were lost in the operator, so that this one may be lost as well."""
        return index in self.attempt.isolation.row_by_row

    def _save_before(self, index: int) -> Iterator[m.Message]:
        """Have what was done so far staged, and the driver informed, before an operator that may end this process."""
        if index - 1 > self.saved:
            yield from self._save_checkpoint(index - 1)
        self.context.saver.drain()

    def _save_checkpoint(self, index: int) -> Iterator[m.Message]:
        """Hand the stage to the saver and go on from it."""
        self.saved = index
        self.clock.save()
        below, whole = self.below, join_batches(self.batches)
        new = (self.dead_letters.take_new(), self.traces.take_new())
        stats = self.stages.stats.take_new()
        ledgers, made = tuple(self.ledgers), self.context.made.take_new()
        self.below = whole.rebased()
        self.batches = _counted_anew(self.batches)

        def save() -> tuple[m.Message, ...]:
            return self.stages.saving(
                lambda: self.stages.stage_checkpoint(index, below, whole, new, ledgers, made, stats)
            )

        yield from self.context.saver.save(self.key, save)

    def save_end(self, started_s: float) -> tuple[m.Message, ...]:
        """Stage the rows as they will be exported, or their summary, and end the attempt."""
        staged = () if self.attempt.task.end == "checkpoint" else self.stages.saving(self._stage_end)
        if staged and isinstance(staged[-1], m.AttemptFailed):
            return staged
        duration_s = time.perf_counter() - started_s
        done = m.AttemptDone(
            task=self.key,
            attempt=self.attempt.name,
            duration_s=duration_s,
            requests=self.context.take_requests(),
            throttled=self.context.take_throttled(),
        )
        return (*staged, done)

    def _stage_end(self) -> Manifest:
        if self.attempt.task.end == "result":
            return self.stages.stage_result(join_batches(self.batches), tuple(self.ledgers), self.made_last)
        until, made = self.key.until, self.summary
        dead_letters = self._letters_of(made.dead, self.context.operator(until), until)
        return self.stages.stage_summary(until, made, dead_letters, (*self.ledgers, made.ledger))


class WorkClock:
    """How long an attempt has worked, and how much of that no checkpoint holds."""

    def __init__(self) -> None:
        self._began_s = self._saved_s = time.perf_counter()
        self.saves = 0

    def save(self) -> None:
        self._saved_s = time.perf_counter()
        self.saves += 1

    @property
    def unsaved_s(self) -> float:
        return time.perf_counter() - self._saved_s

    @property
    def worked_s(self) -> float:
        return time.perf_counter() - self._began_s


def _counted_anew(batches: list[Batch]) -> list[Batch]:
    """The batches with `base` counting in all of them together."""
    start, counted = 0, []
    for batch in batches:
        counted.append(replace(batch.rebased(), base=np.arange(start, start + len(batch), dtype=np.int32)))
        start += len(batch)
    return counted


def _timed(ledger: OperatorLedger, duration_s: float) -> OperatorLedger:
    """The ledger with the seconds that this attempt added."""
    return msgspec.structs.replace(ledger, duration_s=ledger.duration_s + duration_s)
