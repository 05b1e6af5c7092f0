"""The files of an attempt: each stage encoded, written and synced, and the manifest that will commit it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from data_juicer.clock import format_utc
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.worker import failures
from data_juicer.engine.worker.context import WorkerContext
from data_juicer.errors import CheckpointCorruptError, NewerFormatError
from data_juicer.formats.partition import encode_intermediate, encode_result
from data_juicer.rows.batch import Batch
from data_juicer.rows.exported_stats import encode_exported_stats
from data_juicer.rows.recorded_stats import STATS_SUFFIX, OperatorStats, encode_stats, find_stats, pack_stats
from data_juicer.storage.base import Store
from data_juicer.store.dead_letters import CommittedDeadLetter, encode_dead_letter
from data_juicer.store.export.row_stats import ROW_STATS_SUFFIX, with_recorded
from data_juicer.store.ledger import OperatorLedger
from data_juicer.store.manifest import DataFile, LostRow, Manifest
from data_juicer.store.staging import read_lines, stage_delta, stage_file, stage_files

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.engine.worker.dataset_operator import Summarised


class StageWriter:
    """What one attempt writes."""

    def __init__(self, context: WorkerContext, attempt: m.Attempt) -> None:
        self.context = context
        self.setup = context.setup
        self.attempt = attempt
        self.pid = attempt.partition.partition_id
        self.key_maker = context.keys(attempt.resolve_keys)
        self.keys = self.key_maker.keys(attempt.partition.digest, attempt.partition.position)
        self.files: tuple[DataFile, ...] = ()
        """The deltas so far."""
        self.produced: tuple[DataFile, ...] = ()
        """Files that operators made so far."""
        self.lost_rows: tuple[LostRow, ...] = lost_rows(attempt)
        self.dead_letters = Sidecar()
        self.traces = Sidecar()
        self.stats = StatsSidecar()

    def go_on_from(self, base: Manifest) -> None:
        """Raises: CheckpointCorruptError: dead letters or traces of the checkpoint are not what was committed."""
        directory = self.context.layout.checkpoints_dir
        self.dead_letters.load(self.context.store, directory, base.dead_letters)
        self.traces.load(self.context.store, directory, base.traces)
        self.files = base.files
        self.produced = base.produced
        self.lost_rows = tuple(dict.fromkeys((*base.lost_rows, *self.lost_rows)))

    def stage_checkpoint(
        self,
        index: int,
        below: Batch,
        whole: Batch,
        new: tuple[list[bytes], list[bytes]],
        ledgers: tuple[OperatorLedger, ...],
        made: Sequence[DataFile] = (),
        stats: bytes = b"",
    ) -> Manifest:
        """Write what changed since the checkpoint before.

        Args:
            new: dead letters and traces that no checkpoint holds.
            made: files that operators made since then.
            stats: what filters measured since then, encoded.
        """
        started_s = time.perf_counter()
        self._sync_made(made)
        setup, name, store = self.setup, self.attempt.name, self.context.store
        path = self.context.layout.checkpoint_data(self.pid, index, name, setup.checkpoint_suffix)
        delta = stage_delta(
            store, path, below, whole, setup.checkpoint_format, setup.checkpoint_compression, stats
        )
        self.files = (*self.files, delta)
        letters_path = self.context.layout.checkpoint_data(self.pid, index, name, "dead.jsonl")
        traces_path = self.context.layout.checkpoint_data(self.pid, index, name, "trace.jsonl")
        letter_files = self.dead_letters.stage_new(store, letters_path, new[0])
        trace_files = self.traces.stage_new(store, traces_path, new[1])
        return self._manifest("checkpoint", index, self.files, letter_files, trace_files, ledgers, started_s)

    def stage_result(
        self, batch: Batch, ledgers: tuple[OperatorLedger, ...], made: Sequence[DataFile] = ()
    ) -> Manifest:
        """Write the rows as they will be exported."""
        started_s = time.perf_counter()
        self._sync_made(made)
        setup, store, layout = self.setup, self.context.store, self.context.layout
        if setup.analyze:
            batch = Batch(batch.source, np.full(len(batch), -1, np.int32), stats=batch.stats)
        data = encode_result(
            batch, setup.result_format, setup.result_compression, setup.keep_stats, setup.export_options
        )
        row_stats = encode_exported_stats(batch) if setup.row_stats else b""
        stats = self.stats.encode_all()
        if row_stats and stats:
            row_stats, stats = with_recorded(row_stats, stats), b""
        contents = {
            setup.result_suffix: (data, len(batch)),
            **({ROW_STATS_SUFFIX: (row_stats, len(batch))} if row_stats else {}),
            **({STATS_SUFFIX: (stats, self.stats.operators)} if stats else {}),
        }
        files = stage_files(
            store,
            {
                layout.result_data(self.pid, self.attempt.name, suffix): content
                for suffix, content in contents.items()
            },
        )
        letter_files = self.dead_letters.stage_all(
            store, layout.dead_letter_data(self.pid, self.attempt.name)
        )
        trace_files = self.traces.stage_all(store, layout.trace_data(self.pid, self.attempt.name))
        last = len(self.setup.operators) - 1
        stats_files, rows_files = (files[-1:], files[:-1]) if stats else ((), files)
        manifest = self._manifest("result", last, rows_files, letter_files, trace_files, ledgers, started_s)
        return msgspec.structs.replace(manifest, stats=stats_files)

    def stage_summary(
        self,
        index: int,
        made: Summarised,
        dead_letters: Sequence[CommittedDeadLetter],
        ledgers: tuple[OperatorLedger, ...],
    ) -> Manifest:
        """Write the summary for a dataset operator.

        Args:
            letters: of the rows that it raised on.
        """
        from data_juicer.engine.worker.summary_files import (
            stage_summary,
        )  # few recipes have dataset operators

        started_s = time.perf_counter()
        files, letter_files = stage_summary(
            self.context.store,
            lambda suffix: self.context.layout.checkpoint_data(self.pid, index, self.attempt.name, suffix),
            made,
            (self.dead_letters.take_new(), [encode_dead_letter(dead_letter) for dead_letter in dead_letters]),
        )
        return self._manifest("summary", index, files, letter_files, (), ledgers, started_s)

    def saving(self, stage: Callable[[], Manifest]) -> tuple[m.Message, ...]:
        """The message to the driver about a stage, or of why it could not be staged."""
        try:
            manifest = stage()
        except Exception as error:
            return (failures.failure(self.attempt, error, None),)
        return (m.Staged(task=self.attempt.key, attempt=self.attempt.name, manifest=manifest),)

    def save_intermediate(self, index: int, batch: Batch) -> None:
        """Whole rows after an operator, for people to open; nothing is ever read back from here."""
        setup = self.setup
        path = self.context.layout.intermediate(
            self.pid, index, self.setup.operators[index].name, setup.checkpoint_suffix
        )
        data = encode_intermediate(batch, setup.checkpoint_format, setup.checkpoint_compression)
        self.context.store.make_own_dir(path.rpartition("/")[0])
        self.context.store.write(path, data)

    def _sync_made(self, made: Sequence[DataFile]) -> None:
        """Make files that operators made durable, before the manifest that names them."""
        directory = self.context.layout.produced_dir
        if made:
            self.context.store.make_durable(f"{directory}/{file.name}" for file in made)
            self.produced = (*self.produced, *made)

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
        keys = self.key_maker
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
            fragment=self.attempt.partition.digest,
            reader=self.setup.reader,
            operators=self.context.stored_identities[: index + 1],
            files=files,
            rows=ledgers[-1].rows_out,
            ledgers=ledgers,
            dead_letters=letter_files,
            traces=trace_files,
            produced=self.produced,
            lost_rows=tuple(row for row in self.lost_rows if row.operator_index <= index),
            attempt=self.attempt.name,
            run=self.setup.run,
            created=format_utc(self.context.clock.now()),
            save_s=time.perf_counter() - started_s,
        )


def lost_rows(attempt: m.Attempt) -> tuple[LostRow, ...]:
    """Rows that the attempt has to leave out: those that its partition lost workers over in this run, and those that decisions
    about it were made without.
    """
    excluded = [
        LostRow(
            operator_index=each.row.operator_index,
            row=each.row.row,
            origin=each.row.origin,
            reason=each.reason,
        )
        for each in attempt.isolation.excluded
    ]
    decided = [row for decision in attempt.decisions.values() for row in decision.lost_rows]
    failed_rows = {(row.operator_index, row.row, row.origin): row for row in (*excluded, *decided)}
    return tuple(failed_rows.values())


class Sidecar:
    """Records that are beside the rows of a partition, committed with its stages: dead letters and traces.

    Lines in the order in which they came; each checkpoint stages those that are new since the one before it.
    """

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self._staged = 0
        self._files: tuple[DataFile, ...] = ()

    def load(self, store: Store, directory: str, files: tuple[DataFile, ...]) -> None:
        """Go on from what a checkpoint holds. Raises: CheckpointCorruptError."""
        self.lines = read_lines(store, directory, files)
        self._staged = len(self.lines)
        self._files = files

    def add(self, lines: Iterable[bytes]) -> None:
        self.lines += lines

    def take_new(self) -> list[bytes]:
        """The lines that no checkpoint has been given yet; they count as given now."""
        new = self.lines[self._staged :]
        self._staged = len(self.lines)
        return new

    def stage_new(self, store: Store, path: str, new: list[bytes]) -> tuple[DataFile, ...]:
        """Write what `take_new` gave, if it gave anything; all files so far."""
        if new:
            self._files = (*self._files, _stage(store, path, new))
        return self._files

    def stage_all(self, store: Store, path: str) -> tuple[DataFile, ...]:
        """Everything in one file, for the result; no file where there is nothing."""
        return (_stage(store, path, self.lines),) if self.lines else ()


class StatsSidecar:
    """What filters measured of a partition, each of all rows that it was given."""

    def __init__(self) -> None:
        self._operators: list[OperatorStats] = []
        self._taken = 0

    def add(self, ledger: OperatorLedger, stats: Mapping[str, pa.Array]) -> None:
        """What one filter measured, and what became of its rows."""
        packed = pack_stats(
            ledger.index,
            ledger.name,
            stats,
            rows_kept=ledger.rows_out,
            is_aligned=not ledger.rows_dead_letter and not ledger.rows_generated,
        )
        self._operators.append(packed)

    def load(self, delta: pa.Table) -> None:
        """Go on from what a delta of a checkpoint holds. One that was written without statistics, or whose are damaged, has none."""
        with contextlib.suppress(CheckpointCorruptError, NewerFormatError):
            self._operators += find_stats(delta)
        self._taken = len(self._operators)

    def take_new(self) -> bytes:
        """What no checkpoint has been given yet, encoded; it counts as given now."""
        new = self._operators[self._taken :]
        self._taken = len(self._operators)
        return encode_stats(new) if new else b""

    @property
    def operators(self) -> int:
        """Filters that have measured."""
        return len(self._operators)

    def encode_all(self) -> bytes:
        """Everything as the one file beside the result; empty where there is nothing."""
        return encode_stats(self._operators) if self._operators else b""


def _stage(store: Store, path: str, lines: list[bytes]) -> DataFile:
    return stage_file(store, path, b"\n".join([*lines, b""]), len(lines))
