"""dj-jobs explain."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from typing import Final

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.errors import JobNotFoundError
from data_juicer.job.summary import JobSummary
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.table import format_table
from data_juicer.plan.resume.report import ResumeReport, decode_resume_report

NAME: Final = "explain"
HELP: Final = "Explain what the newest run of a job reused, what it computed again, and why."

_REFUSED_SHOWN: Final = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job, or the path of its folder")


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> None:
    job = JobHandle.open(arguments.work_dir, arguments.job)
    layout = job.layout
    try:
        report = decode_resume_report(job.store.read(layout.resume_report), layout.resume_report)
    except FileNotFoundError:
        raise JobNotFoundError(
            f"{job.job_id}: no run of it has been planned yet, there is nothing to explain."
        ) from None
    output.emit(report, lambda columns: _lines(report, job.summary, columns))


def _lines(report: ResumeReport, summary: JobSummary, columns: int) -> list[str]:
    begun = len(report.continued)
    lines = [
        f"run {report.run}: {report.partitions_done + report.partitions_pending:,} partitions",
        f"  {report.partitions_done:,} were done: their results are those that this recipe gives of this input",
        f"  {begun:,} went on from a checkpoint{_where(report, summary)}",
        f"  {report.partitions_pending - begun:,} began at their source",
    ]
    if report.refused:
        lines += [
            "",
            f"{len(report.refused):,} checkpoints and results could not be used; they were set aside:",
        ]
        reasons = Counter(refused.reason for refused in report.refused)
        lines += [f"  {count:,} because {reason}" for reason, count in reasons.most_common()]
        rows = [
            ["" if each.partition is None else str(each.partition), str(each.operator_index), each.reason]
            for each in report.refused[:_REFUSED_SHOWN]
        ]
        lines += ["", *format_table(["partition", "operator", "reason"], rows, columns)]
        if len(report.refused) > _REFUSED_SHOWN:
            lines.append(f"... and {len(report.refused) - _REFUSED_SHOWN:,} more: --output json")
    for path, reason in report.damaged.items():
        lines.append(f"damaged and set aside: {path}: {reason}")
    return lines


def _where(report: ResumeReport, summary: JobSummary) -> str:
    """After which operators, and of how many partitions each."""
    names = [name for entry in summary.config.get("process", []) for name in _names(entry)]
    counts = Counter(report.continued.values())
    told = [
        f"{count:,} after {names[index] if index < len(names) else index}"
        for index, count in sorted(counts.items())
    ]
    return f" ({', '.join(told)})" if told else ""


def _names(entry: object) -> Sequence[str]:
    return list(entry) if isinstance(entry, dict) else [str(entry)]
