"""Before the first row: the input scanned, and what earlier runs committed sorted into what is reused and what is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import cast

import msgspec

from data_juicer.config.schema import JobConfig
from data_juicer.engine.driver.event_recorder import EventRecorder
from data_juicer.engine.lifecycle.build_setup import fragment_limits, row_bytes_max
from data_juicer.engine.lifecycle.open import OpenJob
from data_juicer.engine.lifecycle.recover import has_work, put_damaged_aside
from data_juicer.engine.lifecycle.wanted import WantedJob
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.engine.run_context import RunContext
from data_juicer.errors import CheckpointCorruptError
from data_juicer.formats.base import Fragment
from data_juicer.plan.jobplan import JobPlan, plan_job
from data_juicer.plan.keys import KeyMaker, digest
from data_juicer.plan.mapping import (
    DatasetMapping,
    Materialize,
    decode_mapping,
    encode_mapping,
)
from data_juicer.plan.mixture import with_mixture
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.phases import ResolvePlan
from data_juicer.plan.references import with_references
from data_juicer.plan.resume.bring_back import bring_back
from data_juicer.plan.resume.damage import describe_damages
from data_juicer.plan.resume.found import find_plan
from data_juicer.plan.resume.inventory import take_checkpoints
from data_juicer.plan.resume.report import encode_resume_report, resume_report
from data_juicer.plan.resume.result_index import ResultIndex, settled_ns
from data_juicer.plan.scan.joining import JoinFiles
from data_juicer.plan.scan.scan import Share, scan
from data_juicer.store.commit import set_aside


def scan_input(
    config: JobConfig,
    job: OpenJob,
    wanted: WantedJob,
    recorder: EventRecorder,
    context: RunContext,
    share: Share | None = None,
) -> DatasetMapping:
    """Cut the input into partitions, keeping the numbers of those that an earlier run knew.

    Args:
        share: has workers scan what is large.
    Raises: InputError: a file cannot be read. JobStoppedError.
    """
    operators = wanted.operators
    store, path = job.store, job.layout.dataset_mapping
    previous = _mapping_before(job, recorder)
    seen = _Seen(context)
    mapping = scan(
        wanted.sources,
        fragment_limits(config),
        previous,
        store,
        copies_dir=job.layout.partitions_dir,
        materialize=cast("Materialize", config.partition.materialize),
        with_suffix=config.add_suffix or any(operator.reads_suffix() for operator in operators),
        join_files=cast("JoinFiles", config.partition.join_files),
        verify=config.verify_input,
        watch=seen.add,
        share=share,
    )
    partitions = with_references(
        store,
        job.layout.references,
        mapping.partitions,
        tuple(dict.fromkeys(key for operator in operators for key in operator.references_read())),
        row_bytes_max(config),
        verify=config.verify_input,
        heartbeat=context.heartbeat_or_stop,
    )
    mixture = config.mixture()
    partitions = with_mixture(
        partitions,
        wanted.sources,
        None if mixture is None else mixture.weights,
        None if mixture is None else mixture.max_sample_num,
        config.seed,
    )
    if partitions != mapping.partitions or wanted.left_out != mapping.left_out:
        mapping = msgspec.structs.replace(mapping, partitions=partitions, left_out=wanted.left_out)
    if mapping is not previous:
        store.put(path, encode_mapping(mapping))
    for source in mapping.empty_sources():
        recorder.warn(f"{source.path} holds no row.")
    return mapping


def _mapping_before(job: OpenJob, recorder: EventRecorder) -> DatasetMapping | None:
    """What an earlier run knew of the input; a damaged one is set aside and reported."""
    layout, path = job.layout, job.layout.dataset_mapping
    try:
        return decode_mapping(job.store.read_document(path), path, layout.partitions_dir)
    except FileNotFoundError:
        if has_work(job.store, layout):
            recorder.warn(f"{path} is missing; the input is scanned again.")
    except CheckpointCorruptError:
        recorder.warn(put_damaged_aside(job.store, path, "the input is scanned again"))
    return None


class _Seen:
    """What a scan has seen so far."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self.rows = 0
        self.size_bytes = 0

    def add(self, fragment: Fragment) -> None:
        self.rows += fragment.rows
        self.size_bytes += fragment.byte_stop - fragment.byte_start
        self._context.heartbeat_or_stop(
            f"reading the input: {self.rows:,} rows, {self.size_bytes / 1e9:,.1f} GB"
        )


def plan_run(
    job: OpenJob, mapping: DatasetMapping, setup: WorkerSetup, recorder: EventRecorder
) -> tuple[JobPlan, ResolvePlan]:
    """What is to be done. What is damaged or stale is set aside, and the reason is reported and written to the resume report."""
    store, layout = job.store, job.layout
    keys = KeyMaker(setup.reader, setup.identities, setup.export, setup.resolve_keys)
    if again := bring_back(store, layout, mapping.partitions, keys):
        recorder.inform(
            f"settings were changed back: {again:,} results or checkpoints set aside before are used again"
        )
    index = ResultIndex(digest(layout.job_id, keys.pipeline), store, layout.result_index)
    found = find_plan(store, layout, mapping.partitions, keys, index, settled_ns(job.clock.now()))
    plan, inventory = found.plan, found.inventory
    for sentence in describe_damages(inventory.damaged):
        recorder.warn(sentence)
    set_aside(store, [damage.path for damage in inventory.damaged])
    set_aside(store, [refused.path for refused in plan.refused])
    if plan.refused:
        reasons = Counter(refused.reason for refused in plan.refused)
        counts = "; ".join(f"{count} because {reason}" for reason, count in reasons.most_common())
        recorder.inform(f"not reused: {counts}; dj-jobs explain {layout.job_id} names them")
    report = resume_report(job.run, plan, inventory, layout, keys.operators)
    store.put(layout.resume_report, encode_resume_report(report))
    return plan, found.resolves


def plan_again(job: OpenJob, partitions: Sequence[PartitionSpec], setup: WorkerSetup) -> JobPlan:
    """Where partitions continue whose results turned out damaged. Stale checkpoints of them are set aside."""
    ids = {spec.partition_id for spec in partitions}
    inventory = take_checkpoints(job.store, job.layout, ids.__contains__)
    keys = KeyMaker(setup.reader, setup.identities, setup.export, setup.resolve_keys)
    plan = plan_job(job.layout.job_id, partitions, inventory, keys)
    damaged = [damage.path for damage in inventory.damaged]
    set_aside(job.store, [*damaged, *(refused.path for refused in plan.refused)])
    return plan
