"""The end of a job that is complete: reports, dead letters and traces for people, the export."""

from __future__ import annotations

from collections.abc import Sequence

from data_juicer.config.schema import JobConfig
from data_juicer.events import types as t
from data_juicer.events.log import EventLog
from data_juicer.job.layout import JobLayout
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.run import closing
from data_juicer.run.assemble import export_target
from data_juicer.run.setup import WorkerSetup
from data_juicer.store.commit import read_manifest
from data_juicer.store.filesystem import FileSystem
from data_juicer.store.results import PublishedPart, ResultsManifest, publish


def publish_job(
    fs: FileSystem,
    layout: JobLayout,
    log: EventLog,
    config: JobConfig,
    partitions: Sequence[PartitionSpec],
    setup: WorkerSetup,
) -> None:
    """Every partition, in the order of the input, is committed. Raises: StoreError."""
    results = [read_manifest(fs, layout.result_manifest(spec.partition_id)) for spec in partitions]
    report = closing.make_report(layout.job_id, partitions, results)
    fs.write_atomic(layout.final_mapping_report, closing.encode_report(report))
    closing.show_dead_letters(fs, layout, results)
    if config.open_tracer:
        closing.show_traces(fs, layout, results, config.trace_num)
    for ledger in report.ledgers:
        log.record(
            t.PerformanceMetric(
                operation_name=ledger.name,
                operation_idx=ledger.index,
                duration_s=ledger.duration_s,
                rows=ledger.rows_out,
                data=ledger,
            )
        )
    parts = tuple(
        PublishedPart(
            partition=result.partition,
            file=result.files[0].name,
            rows=result.rows,
            digest=result.files[0].digest,
        )
        for result in results
    )
    manifest = ResultsManifest(job=layout.job_id, rows=report.rows_out, parts=parts)
    publish(fs, layout.results_manifest, manifest, export_target(config), setup.result_format)
