"""What a run says before its first task: what it found, and what it has to do."""

from __future__ import annotations

import os
import socket

from data_juicer.engine.driver.event_recorder import EventRecorder
from data_juicer.engine.lifecycle.open import OpenJob
from data_juicer.engine.lifecycle.wanted import WantedJob
from data_juicer.engine.output.mapping_report import total_ledgers, with_all_operators
from data_juicer.engine.protocol.backend import Backend
from data_juicer.events import payloads
from data_juicer.events import types as t
from data_juicer.plan.jobplan import JobPlan, passed_bytes
from data_juicer.plan.mapping import DatasetMapping
from data_juicer.plan.phases import ResolvePlan


def announce_job(job: OpenJob, wanted: WantedJob, recorder: EventRecorder) -> None:
    """The job itself, if this is its first run, and what was found on opening it."""
    if not job.log.has_history:
        identity = payloads.JobIdentity(job_id=job.layout.job_id, config_digest=wanted.digest)
        job.log.record(t.JobStart(data=identity))
    for warning in (*job.findings, *wanted.warnings):
        recorder.warn(warning)
    for notice in (*job.notices, *wanted.config.notices, *wanted.notices):
        recorder.inform(notice)


def announce_plan(
    job: OpenJob,
    wanted: WantedJob,
    backend: Backend,
    mapping: DatasetMapping,
    plan: JobPlan,
    steps: ResolvePlan,
) -> None:
    """What is done already, and what this run has to do."""
    newest = [checkpoints[-1] for checkpoints in plan.checkpoints.values()]
    names = [operator.name for operator in wanted.operators]
    described = payloads.Plan(
        host=socket.gethostname(),
        pid=os.getpid(),
        backend=backend.name,
        workers=backend.workers,
        partitions=len(mapping.partitions),
        partitions_done=len(plan.done),
        rows=mapping.rows,
        rows_done=plan.done.rows_in,
        rows_out=plan.done.rows_out,
        operators=with_all_operators(total_ledgers([plan.done, *newest]), names),
        size_bytes=sum(spec.size_bytes for spec in mapping.partitions),
        passed_bytes=passed_bytes(mapping.partitions, plan, len(names)),
        boundaries=tuple(
            payloads.Boundary(
                operation_idx=step.operator_index,
                partitions_done=len(step.summaries),
                passed_bytes=sum(spec.size_bytes for spec in mapping.only(tuple(step.summaries))),
                is_resolved=step.resolve is not None,
            )
            for step in steps.steps
        ),
    )
    job.log.record(t.ProcessingStart(data=described))
