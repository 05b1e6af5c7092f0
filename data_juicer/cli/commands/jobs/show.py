"""dj-jobs show."""

from __future__ import annotations

import argparse
import os
from datetime import datetime
from typing import Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.clock import SystemClock
from data_juicer.job.summary import JobCounts, JobStatus, RunRecord, seen_from
from data_juicer.monitor.closing import format_facts, operator_table
from data_juicer.monitor.facts import (
    Fact,
    cost_facts,
    counts_of,
    job_facts,
    operator_lines,
    progress_facts,
    shown_status,
    warning_facts,
)
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.progress import Progress, progress_of
from data_juicer.monitor.views.amounts import format_bytes
from data_juicer.monitor.views.costs import Costs, costs_of, prices_of
from data_juicer.monitor.views.standing import standing_of
from data_juicer.store.ledger import OperatorLedger

NAME: Final = "show"
HELP: Final = (
    "Show the status of a job, what happened, what is safe, how to resume it, and the rows of each operator."
)


class JobReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `--output json` gives."""

    job_id: str
    status: str
    reason: str | None
    last_error: str | None
    created: str
    updated: str
    counts: JobCounts
    size_bytes: int
    took_s: float | None
    """Of all its runs together."""
    progress: Progress | None
    """How far it is; None before its first plan."""
    costs: Costs | None
    """What all its runs together took; None before the first plan."""
    operators: tuple[OperatorLedger, ...]
    retries: int
    copies_started: int
    """Of partitions that took too long, on another worker; and those that ended first."""
    copies_won: int
    checkpoints_saved: int
    checkpoint_s: float
    warnings: tuple[str, ...]
    runs: tuple[RunRecord, ...]
    export_path: str | None
    export_change: str | None
    """Why the file at the export path is not the job's any more; None where it is."""
    directories: dict[str, str]
    resume_command: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job, or the path of its folder")


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> None:
    job = JobHandle.open(arguments.work_dir, arguments.job)
    view, summary, layout = job.view, job.summary, job.layout
    now = SystemClock().now()
    is_alive = job.is_alive(now)
    export_change = None
    if summary.status is JobStatus.COMPLETED:
        from data_juicer.engine.output.export_owner import find_export_loss

        export_change = find_export_loss(job.store, layout)

    def lines(width: int) -> list[str]:
        operators = operator_lines(list(view.operators.values()))
        status, *facts = job_facts(
            seen_from(summary, os.getcwd()),
            view,
            layout,
            job.committed,
            is_alive=is_alive,
            export_change=export_change,
        )
        table = ["", *operator_table(operators, width)] if operators else []
        progress = progress_facts(summary, view, now, is_alive=is_alive)
        size = Fact(name="size", text=f"{format_bytes(report.size_bytes)} on disk, the result aside")
        shown = [
            status,
            *progress,
            *facts[:-1],
            *cost_facts(summary, view, now, is_alive=is_alive),
            size,
            *warning_facts(view),
            facts[-1],
        ]
        return [*format_facts(shown, width), *table]

    report = _report(job, export_change, now, is_alive=is_alive)
    output.emit(report, lines)


def _report(job: JobHandle, export_change: str | None, now: datetime, *, is_alive: bool) -> JobReport:
    summary, view = job.summary, job.view
    standing = standing_of(summary, view, now, is_alive=is_alive)
    is_completed = summary.status is JobStatus.COMPLETED
    return JobReport(
        job_id=summary.job_id,
        status=shown_status(summary, is_alive=is_alive),
        reason=summary.reason,
        last_error=view.last_error,
        created=summary.created,
        updated=summary.updated,
        counts=summary.counts if is_completed else counts_of(view, job.committed),
        size_bytes=job.size_bytes(),
        took_s=standing.took_s,
        progress=progress_of(view, now, is_alive=is_alive) if view.partitions else None,
        costs=costs_of(view, prices_of(summary.config), now, is_alive=is_alive) if view.run_started else None,
        operators=tuple(view.operators[index] for index in sorted(view.operators)),
        retries=view.retries,
        copies_started=view.copies_started,
        copies_won=view.copies_won,
        checkpoints_saved=view.checkpoints_saved,
        checkpoint_s=view.checkpoint_s,
        warnings=tuple(view.warnings),
        runs=summary.runs,
        export_path=summary.export_path,
        export_change=export_change,
        directories=job.layout.directories(),
        resume_command=summary.resume_command,
    )
