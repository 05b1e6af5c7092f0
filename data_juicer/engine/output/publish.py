"""The end of a job that is complete: reports, dead letters and traces for people, the export."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from data_juicer.config.schema import JobConfig
from data_juicer.engine.lifecycle.build_setup import export_target
from data_juicer.engine.output.mapping_report import encode_report, make_report
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.engine.worker import sampling
from data_juicer.errors import InputError, StoreError
from data_juicer.events import types as t
from data_juicer.events.log import EventLog
from data_juicer.formats.partition import encode_result, read_partition
from data_juicer.formats.registry import FORMATS, LINES
from data_juicer.job.layout import JobLayout
from data_juicer.job.names import parse_shown_letters_name
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.rows import json_values
from data_juicer.storage.base import Store
from data_juicer.store.commit import read_manifest
from data_juicer.store.manifest import Manifest
from data_juicer.store.results import ExportedFile, PublishedPart, ResultsManifest, digest_of, publish
from data_juicer.store.staging import read_file, read_lines

_PARTITIONS_LOOKED_AT: Final = 3


def publish_job(
    store: Store,
    layout: JobLayout,
    log: EventLog,
    config: JobConfig,
    partitions: Sequence[PartitionSpec],
    setup: WorkerSetup,
    reports: Sequence[str],
    heartbeat: Callable[[str], None],
) -> None:
    """Every partition, in the order of the input, is committed.

    Args:
        reports: files that were written for people; they count as published, and are made again where they are damaged.
        heartbeat: told how far the export is, often; what it raises ends the publishing.
    Raises: StoreError.
    """
    try:
        results = [read_manifest(store, layout.result_manifest(spec.partition_id)) for spec in partitions]
    except FileNotFoundError as error:
        raise StoreError(
            f"{error.filename}: the result of a partition was removed while the job ran. Everything else is safe. "
            "Start the job again: it makes this partition anew."
        ) from error
    report = make_report(layout.job_id, partitions, results)
    store.write_atomic(layout.final_mapping_report, encode_report(report))
    letters = _show_dead_letters(store, layout, results)
    traces = _show_traces(store, layout, results, config.trace_num) if config.open_tracer else []
    reports = [layout.final_mapping_report, *reports, *traces]
    shown = (*letters, *(_shown(store, layout, path) for path in reports))
    for ledger in report.ledgers:
        log.record(t.PerformanceMetric.of(ledger))
    parts = tuple(
        PublishedPart(
            partition=result.partition,
            file=result.files[0].name,
            rows=result.rows,
            size_bytes=result.files[0].size_bytes,
            digest=result.files[0].digest,
        )
        for result in results
    )
    manifest = ResultsManifest(job=layout.job_id, rows=report.rows_out, parts=parts, shown=shown)
    target = export_target(config)
    reads = len(parts) * (2 if FORMATS[target.format].writer.merges else 1)  # a merge reads them twice
    count = itertools.count()
    publish(
        store,
        layout.results_manifest,
        manifest,
        target,
        setup.result_format if partitions else LINES,
        tick=lambda: heartbeat(f"writing the export: {next(count) / reads:.0%}"),
        columns=b"" if report.rows_out else _rows_of_input(store, partitions, setup),
    )


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


def _show_dead_letters(
    store: Store, layout: JobLayout, results: Iterable[Manifest]
) -> Iterator[ExportedFile]:
    """Give the dead letters of each partition the name that people look for, and take it where there are none now.

    There are none either of a partition that the input has no more.
    """
    parsed = map(parse_shown_letters_name, store.list(layout.dead_letter_dir))
    stale = {partition for partition in parsed if partition is not None}
    for result in results:
        if not result.dead_letters:
            continue
        stale.discard(result.partition)
        path, file = layout.dead_letter(result.partition), result.dead_letters[0]
        store.write_atomic(path, read_file(store, layout.dead_letter_dir, file))
        for each in (path, os.path.join(layout.dead_letter_dir, file.name)):
            yield ExportedFile(
                path=os.path.relpath(each, layout.job_dir),
                size_bytes=file.size_bytes,
                digest=file.digest,
                modified_ns=store.modified_ns(each),
            )
    for partition in sorted(stale):
        store.remove(layout.dead_letter(partition))


def _shown(store: Store, layout: JobLayout, path: str) -> ExportedFile:
    """A file in the job's directory as it is now."""
    return ExportedFile(
        path=os.path.relpath(path, layout.job_dir),
        size_bytes=store.size(path),
        digest=digest_of(store.map(path)),
        modified_ns=store.modified_ns(path),
    )


def _show_traces(store: Store, layout: JobLayout, results: Sequence[Manifest], size: int) -> list[str]:
    """The samples of all partitions as one file an operator. Returns the files."""
    written = []
    names = {ledger.index: ledger.name for result in results for ledger in result.ledgers}
    lines = (line for result in results for line in read_lines(store, layout.trace_dir, result.traces))
    for index, records in sampling.merge(lines, size).items():
        data = b"\n".join([*map(sampling.encode, records), b""])
        store.write_atomic(layout.trace(index, names[index]), data)
        written.append(layout.trace(index, names[index]))
    return written
