"""One attempt on its way: the rows of a partition through the operators, and the files of each stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, cast

import msgspec
import numpy as np

from data_juicer.clock import format_utc
from data_juicer.errors import CheckpointCorruptError, InputError, OperatorError, StoreError
from data_juicer.formats.base import ReadRows
from data_juicer.formats.partition import encode_intermediate, encode_result, read_partition
from data_juicer.ops.base import DatasetOperator, Operator
from data_juicer.ops.batch import Batch
from data_juicer.run import blame, trace
from data_juicer.run import messages as m
from data_juicer.run.barrier_steps import apply_decision, summarise
from data_juicer.run.handling import Handling, tell_nobody
from data_juicer.run.partition import Watch, run_operator
from data_juicer.run.side import Side
from data_juicer.store.codec import encode_table
from data_juicer.store.commit import set_aside
from data_juicer.store.dead_letters import DeadLetter, encode_dead_letter
from data_juicer.store.decisions import read_decision
from data_juicer.store.layers import join_batches, split_batch
from data_juicer.store.ledger import READ, OperatorLedger
from data_juicer.store.manifest import DataFile, Manifest
from data_juicer.store.staging import load_layers, stage_file, stage_layer

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.run.worker import Worker


class Course:
    """One attempt on its way through the operators."""

    def __init__(self, worker: Worker, attempt: m.Attempt) -> None:
        self.worker = worker
        self.setup = worker.setup
        self.attempt = attempt
        self.partition = attempt.partition
        self.pid = attempt.partition.partition_id
        self.keys = worker.keys.keys(attempt.partition.digest, attempt.partition.position)
        self.index: int | None = None
        """The operator under way; None while rows are read or written."""
        self.files: tuple[DataFile, ...] = ()
        self.ledgers: list[OperatorLedger] = []
        self.letters = Side()
        self.traces = Side()
        self.batches: list[Batch] = []
        self.below: Batch
        self.summary: pa.Table

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
                partition_id=self.pid,
                attempt=self.attempt.name,
                operator_index=base.operator_index,
                rows=base.rows,
                duration_s=time.perf_counter() - started_s,
            )

    def _read(self) -> ReadRows:
        """The rows as they came. A damaged copy of the input loses its name, so that the next run makes it again."""
        try:
            return read_partition(self.partition, self.setup.text_keys, self.setup.row_bytes_max)
        except InputError:
            if self.partition.is_copy:
                set_aside(
                    self.worker.fs, [path for path in [self.partition.path] if self.worker.fs.exists(path)]
                )
            raise

    def _begin(self, rows: ReadRows, started_s: float) -> m.OperatorDone:
        self._take_out([blame.unread(self.attempt, row) for row in rows.bad])
        ledger = OperatorLedger(
            index=-1,
            name=READ,
            rows_in=rows.rows_in,
            rows_out=len(rows.batch),
            rows_dead_letter=len(rows.bad),
            duration_s=time.perf_counter() - started_s,
        )
        self.ledgers.append(ledger)
        self._go_on_from(rows.batch)
        return m.OperatorDone(partition_id=self.pid, attempt=self.attempt.name, ledger=ledger)

    def _continue(self, rows: ReadRows, base: Manifest) -> None:
        directory = self.worker.layout.checkpoints_dir
        batch = load_layers(
            self.worker.fs, directory, base.files, rows.batch, memory_map=self.setup.memory_map
        )
        self.letters.load(self.worker.fs, directory, base.dead_letters)
        self.traces.load(self.worker.fs, directory, base.traces)
        self.files = base.files
        self.ledgers = list(base.ledgers)
        self._go_on_from(batch)

    def _go_on_from(self, batch: Batch) -> None:
        self.below = batch.rebased()
        self.batches = split_batch(self.below, self.setup.batch_rows_max)

    # ---- operators

    def run_operators(self) -> Iterator[m.Message]:
        begin = self.attempt.base.operator_index + 1 if self.attempt.base else 0
        until = self.attempt.until
        for index in range(begin, len(self.worker.operators) if until is None else until):
            if self.worker.saver.has_failed(self.pid):
                raise StoreError("an earlier stage of this attempt could not be saved.")
            self.index = index
            yield m.OperatorStarted(partition_id=self.pid, attempt=self.attempt.name, operator_index=index)
            yield self._run_operator(index)
            if self.setup.preserve_intermediate:
                self._save_intermediate(index)
            if index in self.setup.checkpoint_after or index + 1 == until:
                yield from self._save_checkpoint(index)
        if until is not None:
            self.index = until
            yield m.OperatorStarted(partition_id=self.pid, attempt=self.attempt.name, operator_index=until)
            self.summary = summarise(cast("DatasetOperator", self.worker.prepared(until)), self.batches)
        self.index = None

    def _run_operator(self, index: int) -> m.OperatorDone:
        operator = self.worker.prepared(index)
        started_s = time.perf_counter()
        watch = self._watch(operator, index)
        if isinstance(operator, DatasetOperator):
            applied = apply_decision(operator, index, self.batches, self._decision(index), watch)
        else:
            applied = run_operator(operator, index, self.batches, watch, self._handling(index))
        self.batches = applied.batches
        self._take_out([blame.failed(self.attempt, operator.name, index, row) for row in applied.dead])
        ledger = _timed(applied.ledger, time.perf_counter() - started_s)
        self.ledgers.append(ledger)
        return m.OperatorDone(partition_id=self.pid, attempt=self.attempt.name, ledger=ledger)

    def _decision(self, index: int) -> pa.Table:
        """What was decided about these rows. The driver had read it: damage since then ends the run."""
        try:
            directory = self.worker.layout.checkpoints_dir
            return read_decision(self.worker.fs, directory, self.attempt.decisions[index])
        except CheckpointCorruptError as error:
            raise StoreError(str(error)) from error

    def _handling(self, index: int) -> Handling:
        """Rows are announced only where somebody listens: it costs a message each time."""
        care = self.attempt.care
        listened = self.setup.op_timeout_s > 0 or index in care.row_by_row
        return Handling.of(care, index, self._announce if listened else tell_nobody)

    def _announce(self, first: m.OperatorRow, rows: int, alone: bool) -> None:
        self.worker.tell(
            m.RowsStarted(
                partition_id=self.pid, attempt=self.attempt.name, first=first, rows=rows, alone=alone
            )
        )

    def _take_out(self, letters: list[DeadLetter]) -> None:
        """Quarantine rows, or refuse to go on because of the first one."""
        if letters and not self.setup.quarantine:
            first = letters[0]
            raise OperatorError(
                f"{first.source}, line {first.line}: {first.operator}: {first.error_type}: {first.message} "
                "(fault_tolerance.on_bad_row is fail; with quarantine the row is set aside and the job goes on)"
            )
        self.letters.add(encode_dead_letter(letter) for letter in letters)

    def _watch(self, operator: Operator, index: int) -> Watch | None:
        """What samples the rows of an operator that is traced."""
        size, seed = self.setup.trace_num, self.setup.seed
        if not size or index not in self.setup.traced:
            return None
        return lambda before, after: self.traces.add(
            trace.encode(record) for record in trace.sample(operator, index, before, after, size, seed)
        )

    # ---- saving

    def _save_checkpoint(self, index: int) -> Iterator[m.Message]:
        """Hand the stage to the saver and go on from it."""
        below, whole = self.below, join_batches(self.batches)
        new = (self.letters.take_new(), self.traces.take_new())
        ledgers = tuple(self.ledgers)
        self.below = whole.rebased()
        self.batches = _counted_anew(self.batches)

        def save() -> tuple[m.Message, ...]:
            return self._saving(lambda: self._stage_checkpoint(index, below, whole, new, ledgers))

        yield from self.worker.saver.save(self.pid, save)

    def _stage_checkpoint(
        self,
        index: int,
        below: Batch,
        whole: Batch,
        new: tuple[list[bytes], list[bytes]],
        ledgers: tuple[OperatorLedger, ...],
    ) -> Manifest:
        started_s = time.perf_counter()
        setup, name, fs = self.setup, self.attempt.name, self.worker.fs
        path = self.worker.layout.checkpoint_data(self.pid, index, name, setup.checkpoint_suffix)
        layer = stage_layer(fs, path, below, whole, setup.checkpoint_format, setup.checkpoint_compression)
        self.files = (*self.files, layer)
        letters_path = self.worker.layout.checkpoint_data(self.pid, index, name, "dead.jsonl")
        traces_path = self.worker.layout.checkpoint_data(self.pid, index, name, "trace.jsonl")
        letter_files = self.letters.stage_new(fs, letters_path, new[0])
        trace_files = self.traces.stage_new(fs, traces_path, new[1])
        return self._manifest("checkpoint", index, self.files, letter_files, trace_files, ledgers, started_s)

    def save_end(self, started_s: float) -> tuple[m.Message, ...]:
        """Stage the rows as they will be exported, or their summary, and end the attempt."""
        until = self.attempt.until
        messages = self._saving(self._stage_result if until is None else lambda: self._stage_summary(until))
        if isinstance(messages[-1], m.AttemptFailed):
            return messages
        duration_s = time.perf_counter() - started_s
        return (
            *messages,
            m.AttemptDone(partition_id=self.pid, attempt=self.attempt.name, duration_s=duration_s),
        )

    def _stage_result(self) -> Manifest:
        started_s = time.perf_counter()
        setup, fs, layout = self.setup, self.worker.fs, self.worker.layout
        batch = join_batches(self.batches)
        data = encode_result(batch, setup.result_format, setup.result_compression, setup.keep_stats)
        path = layout.result_data(self.pid, self.attempt.name, setup.result_suffix)
        files = (stage_file(fs, path, data, len(batch)),)
        letter_files = self.letters.stage_all(fs, layout.dead_letter_data(self.pid, self.attempt.name))
        trace_files = self.traces.stage_all(fs, layout.trace_data(self.pid, self.attempt.name))
        last = len(self.worker.operators) - 1
        return self._manifest(
            "result", last, files, letter_files, trace_files, tuple(self.ledgers), started_s
        )

    def _stage_summary(self, index: int) -> Manifest:
        started_s = time.perf_counter()
        path = self.worker.layout.checkpoint_data(self.pid, index, self.attempt.name, "summary.arrow")
        data = encode_table(self.summary, "arrow", "none")
        files = (stage_file(self.worker.fs, path, data, self.summary.num_rows),)
        return self._manifest("summary", index, files, (), (), tuple(self.ledgers), started_s)

    def _manifest(
        self,
        kind: Literal["checkpoint", "result", "summary"],
        index: int,
        files: tuple[DataFile, ...],
        letter_files: tuple[DataFile, ...],
        trace_files: tuple[DataFile, ...],
        ledgers: tuple[OperatorLedger, ...],
        started_s: float,
    ) -> Manifest:
        """`index`: the last operator applied, or the one that a summary is for."""
        keys = self.worker.keys
        return Manifest(
            kind=kind,
            job=self.setup.job_id,
            partition=self.pid,
            operator_index=index,
            operator_name=self.setup.operators[index].name if kind == "summary" else ledgers[-1].name,
            key={
                "checkpoint": lambda: self.keys[index + 1],
                "result": lambda: keys.result_key(self.keys[-1]),
                "summary": lambda: keys.summary_key(self.keys[index], index),
            }[kind](),
            fragment=self.partition.digest,
            reader=self.setup.reader,
            operators=self.setup.identities[: index + 1],
            files=files,
            rows=ledgers[-1].rows_out,
            ledgers=ledgers,
            dead_letters=letter_files,
            traces=trace_files,
            attempt=self.attempt.name,
            run=self.setup.run,
            created=format_utc(self.worker.clock.now()),
            save_s=time.perf_counter() - started_s,
        )

    def _saving(self, stage: Callable[[], Manifest]) -> tuple[m.Message, ...]:
        try:
            manifest = stage()
        except Exception as error:
            return (blame.failure(self.attempt, error, None),)
        return (m.Staged(partition_id=self.pid, attempt=self.attempt.name, manifest=manifest),)

    def _save_intermediate(self, index: int) -> None:
        """Whole rows after an operator, for people to open; nothing is ever read back from here."""
        setup = self.setup
        path = self.worker.layout.intermediate(
            self.pid, index, self.setup.operators[index].name, setup.checkpoint_suffix
        )
        data = encode_intermediate(
            join_batches(self.batches), setup.checkpoint_format, setup.checkpoint_compression
        )
        self.worker.fs.make_dirs(path.rpartition("/")[0])
        self.worker.fs.write(path, data)


def _counted_anew(batches: list[Batch]) -> list[Batch]:
    """The batches with `base` counting in all of them together."""
    start, counted = 0, []
    for batch in batches:
        counted.append(replace(batch, base=np.arange(start, start + len(batch), dtype=np.int32)))
        start += len(batch)
    return counted


def _timed(ledger: OperatorLedger, duration_s: float) -> OperatorLedger:
    return msgspec.structs.replace(ledger, duration_s=duration_s)
