"""The end of a job that is complete: reports, dead letters and traces for people, the export."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from data_juicer.config.schema import JobConfig
from data_juicer.engine.lifecycle.build_setup import export_target
from data_juicer.engine.output.export_shards import ExportShards
from data_juicer.engine.output.mapping_report import ReportWriter, find_emptying
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.engine.results.one_copy import check_export, remove_copies, wants_one_copy
from data_juicer.engine.worker import sampling
from data_juicer.errors import CheckpointCorruptError, InputError, StoreError
from data_juicer.events import types as t
from data_juicer.events.log import EventLog
from data_juicer.formats.partition import encode_result, read_partition
from data_juicer.formats.registry import FORMATS, LINES
from data_juicer.job.layout import JobLayout
from data_juicer.job.names import parse_produced_name, parse_shown_letters_name
from data_juicer.plan.partitions import PartitionSpec, places_digest
from data_juicer.plan.resume.ahead import fetch_ahead
from data_juicer.plan.resume.done_results import DoneResults, ledgers_of, record_of
from data_juicer.plan.resume.result_index import INDEXED_MIN, Record
from data_juicer.plan.resume.results import CommittedResult, ResultManifests, read_result
from data_juicer.rows import json_values
from data_juicer.storage.base import Store
from data_juicer.store.commit import read_manifest
from data_juicer.store.dead_letters import decode_dead_letter, encode_dead_letter
from data_juicer.store.export.line_shards import LineShard, SealedShard
from data_juicer.store.export.parts import Parts, PublishedPart
from data_juicer.store.export.results_manifest import ExportedFile, ResultsManifest, digest_of
from data_juicer.store.manifest import DataFile
from data_juicer.store.results import publish
from data_juicer.store.staging import read_file, read_lines, reference_to

_PARTITIONS_LOOKED_AT: Final = 3
_STEP: Final = 64
"""Partitions that are reported between two heartbeats."""


def publish_job(
    store: Store,
    layout: JobLayout,
    log: EventLog,
    config: JobConfig,
    partitions: Sequence[PartitionSpec],
    setup: WorkerSetup,
    done: DoneResults,
    settled_ns: int,
    reports: Sequence[str],
    heartbeat: Callable[[str], None],
    execute: Callable[[ExportShards], None] | None = None,
) -> Sequence[str]:
    """Every partition, in the order of the input, is committed.

    Args:
        done: results of earlier runs, which need not be read again.
        settled_ns: those of this run that were committed before this time need not be read at the next start.
        reports: files that were written for people; they count as published, and are made again where they are damaged.
        heartbeat: called with how far the export is, often; what it raises ends the publishing.
        execute: has the shards of a large export written by workers; None: all are written here.
    Returns: findings to report, a sentence each.
    Raises: StoreError. CheckpointCorruptError: a result is not what was committed, or the export is not.
    """
    job = _PublishedJob(store, layout)
    new = _NewResults(store, layout, setup, done, settled_ns, is_indexed=len(partitions) >= INDEXED_MIN)
    with job.report(done) as report:
        found = fetch_ahead(new.read, (spec for spec in partitions if spec.partition_id not in done))
        for number, spec in enumerate(partitions):
            if number % _STEP == 0:
                heartbeat("writing reports")
            record = done.record(spec.partition_id)
            if record is None:
                record = new.note(spec, *next(found)[1]())
            report.add(spec, record)
            job.add(spec, record)
    new.flush()
    traces = _show_traces(store, layout, job.traced, config.trace_num) if config.open_tracer else []
    files = [*reports, *traces]
    manifest = ResultsManifest(
        job=layout.job_id,
        rows=report.rows_out,
        places=places_digest(partitions),
        shown=(*job.dead_letters(), job.reported(report), *(_shown(store, layout, path) for path in files)),
    )
    parts = job.parts
    target = export_target(config, row_stats=setup.row_stats)
    _publish_produced(store, layout, partitions, os.path.dirname(target.path))
    reads = len(parts) * (2 if FORMATS[target.format].writer.merges else 1)  # a merge reads them twice
    count = itertools.count()

    def share(lines: Sequence[LineShard]) -> list[SealedShard]:
        tasks = ExportShards(
            store,
            layout.job_id,
            target,
            lines,
            lambda written: heartbeat(f"writing the export: {written / len(lines):.0%}"),
        )
        if execute is not None:
            execute(tasks)
        return tasks.sealed()

    def keep_once(exports: Sequence[ExportedFile]) -> bool:
        wanted = wants_one_copy(config.intermediate_storage.keep_results, store, layout, parts)
        if wanted:
            check_export(store, exports, parts, lambda: heartbeat("reading the export back"))
        return wanted

    published = publish(
        store,
        layout.results_manifest,
        manifest,
        parts,
        target,
        setup.result_format if partitions else LINES,
        heartbeat=lambda: heartbeat(f"writing the export: {next(count) / reads:.0%}"),
        columns=b"" if report.rows_out else _rows_of_input(store, partitions, setup),
        share=None if execute is None else share,
        keep_once=keep_once,
    )
    findings: Sequence[str] = ()
    if published.parts_in_exports:
        findings = remove_copies(
            store, layout, parts, lambda: heartbeat("removing what the export holds too")
        )
    for ledger in report.ledgers:
        log.record(t.PerformanceMetric.of(ledger))
    if (warning := find_emptying(report.ledgers)) is not None:
        log.record(t.WarningNotice(message=warning))
    return findings


def _publish_produced(
    store: Store, layout: JobLayout, partitions: Sequence[PartitionSpec], export_dir: str
) -> None:
    """Put the files that operators made beside the export, where rows refer to them; equal ones are one file.

    Raises: CheckpointCorruptError: one is not what was committed.
    """
    if not store.list(layout.produced_dir):
        return
    written: set[str] = set()
    for spec in partitions:
        result = read_manifest(store, layout.result_manifest(spec.partition_id))
        for file in result.produced:
            parsed = parse_produced_name(file.name)
            if parsed is None:
                raise CheckpointCorruptError(f"{file.name} is no name of a file that an operator made.")
            path = os.path.join(
                export_dir, reference_to(result.operators[parsed.operation_idx].name, file.name)
            )
            if path in written:
                continue
            written.add(path)
            data = read_file(store, layout.produced_dir, file)
            if not store.exists(path) or bytes(store.read(path)) != bytes(data):
                store.make_dirs(os.path.dirname(path))
                store.put(path, data)


def _rows_of_input(store: Store, partitions: Sequence[PartitionSpec], setup: WorkerSetup) -> bytes:
    """Rows whose columns stand for those of an export without rows: some of the input, or one with the text keys alone.

    None where results carry their columns themselves.
    """
    if partitions and setup.result_format != LINES:
        return b""
    for spec in partitions[:_PARTITIONS_LOOKED_AT]:
        try:
            rows = read_partition(store, spec, setup.text_keys, setup.row_bytes_max).batch
        except InputError:  # it is gone; the job is done all the same
            continue
        if len(rows):
            return encode_result(rows, LINES, "none", keep_stats=False)
    keys = dict.fromkeys(setup.text_keys or (setup.text_key,))
    return json_values.encode(keys) + b"\n"


class _NewResults:
    """The results that this run committed: each is read, and noted in the index of results where the job has one."""

    def __init__(
        self,
        store: Store,
        layout: JobLayout,
        setup: WorkerSetup,
        done: DoneResults,
        settled_ns: int,
        *,
        is_indexed: bool,
    ) -> None:
        self._store = store
        self._layout = layout
        self._has_places = bool(setup.resolve_keys)
        self._manifests = ResultManifests(store, layout, settled_ns) if is_indexed else None
        self._noted = done.beside()

    def read(self, spec: PartitionSpec) -> tuple[CommittedResult, str]:
        """What this run committed of a partition, and the version of its manifest. Raises: StoreError: it is gone."""
        path = self._layout.result_manifest(spec.partition_id)
        version = self._manifests.version(spec.partition_id) if self._manifests is not None else None
        try:
            return read_result(self._store, path), version or ""
        except FileNotFoundError as error:
            raise StoreError(
                f"{path}: the result of a partition was removed while the job ran. Everything else is safe. "
                "Start the job again: it makes this partition anew."
            ) from error

    def note(self, spec: PartitionSpec, result: CommittedResult, version: str) -> Record:
        """The record of a result that was read."""
        record = record_of(result, spec.digest, spec.position if self._has_places else 0, version)
        if version:
            self._noted.add_record(record, result.ledgers)
        return record

    def flush(self) -> None:
        self._noted.flush()


class _PublishedJob:
    """What is gathered of the partitions for the last manifest and for people, one after the other."""

    def __init__(self, store: Store, layout: JobLayout) -> None:
        self._store = store
        self._layout = layout
        self._letters: list[ExportedFile] = []
        parsed = map(parse_shown_letters_name, store.list(layout.dead_letter_dir))
        self._stale = {partition for partition in parsed if partition is not None}
        self.parts = Parts()
        self.traced: list[tuple[PartitionSpec, Record]] = []

    @contextlib.contextmanager
    def report(self, done: DoneResults) -> Iterator[ReportWriter]:
        """The mapping report, which takes its place when it is whole."""
        with self._store.open_write(self._layout.final_mapping_report) as sink:
            report = ReportWriter(sink, self._layout.job_id, done)
            yield report
            report.close()

    def reported(self, report: ReportWriter) -> ExportedFile:
        """The mapping report as it was written; it is too long to be read again."""
        path = self._layout.final_mapping_report
        return ExportedFile(
            path=os.path.relpath(path, self._layout.job_dir),
            size_bytes=report.size_bytes,
            digest=report.digest,
            modified_ns=self._store.stat(path).modified_ns,
        )

    def add(self, spec: PartitionSpec, record: Record) -> None:
        file = record.files[0]
        self.parts.append(
            PublishedPart(
                partition=record.partition,
                file=file.name,
                rows=record.rows,
                size_bytes=file.size_bytes,
                digest=file.digest,
                row_stats=record.files[1].digest if len(record.files) > 1 else "",
            )
        )
        if record.dead_letters:
            self._show_dead_letters(spec, record.dead_letters)
        if record.traces:
            self.traced.append((spec, record))

    def dead_letters(self) -> Sequence[ExportedFile]:
        """The files of dead letters. What people look for is gone where there are none now, or no such partition."""
        for partition in sorted(self._stale):
            self._store.remove(self._layout.dead_letter(partition))
        return self._letters

    def _show_dead_letters(self, spec: PartitionSpec, files: Sequence[DataFile]) -> None:
        """Write the dead letters of a partition, with their places as they are now, under the name that people look for."""
        store, layout = self._store, self._layout
        self._stale.discard(spec.partition_id)
        path = layout.dead_letter(spec.partition_id)
        dead_letters = (
            decode_dead_letter(line).resolve(spec.partition_id, spec)
            for line in read_lines(store, layout.dead_letter_dir, files)
        )
        store.put(path, b"".join(encode_dead_letter(dead_letter) + b"\n" for dead_letter in dead_letters))
        self._letters.append(_shown(store, layout, path))
        for file in files:
            committed = os.path.join(layout.dead_letter_dir, file.name)
            self._letters.append(
                ExportedFile(
                    path=os.path.relpath(committed, layout.job_dir),
                    size_bytes=file.size_bytes,
                    digest=file.digest,
                    modified_ns=store.stat(committed).modified_ns,
                )
            )


def _shown(store: Store, layout: JobLayout, path: str) -> ExportedFile:
    """A file in the job's directory as it is now."""
    return ExportedFile(
        path=os.path.relpath(path, layout.job_dir),
        size_bytes=store.stat(path).size_bytes,
        digest=digest_of(store.map(path)),
        modified_ns=store.stat(path).modified_ns,
    )


def _show_traces(
    store: Store, layout: JobLayout, results: Sequence[tuple[PartitionSpec, Record]], size: int
) -> list[str]:
    """The samples of all partitions as one file an operator. Returns the files."""
    written = []
    names = {ledger.index: ledger.name for _, record in results for ledger in ledgers_of(record)}
    lines = (
        (spec, line)
        for spec, record in results
        for line in read_lines(store, layout.trace_dir, record.traces)
    )
    for index, records in sampling.merge(lines, size).items():
        data = b"\n".join([*map(sampling.encode, records), b""])
        store.put(layout.trace(index, names[index]), data)
        written.append(layout.trace(index, names[index]))
    return written
