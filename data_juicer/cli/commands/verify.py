"""dj-jobs verify."""

from __future__ import annotations

import argparse
import textwrap
from typing import Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.engine.output.verify import Finding, find_problems
from data_juicer.monitor.handle import JobHandle
from data_juicer.printable import printable

NAME: Final = "verify"
HELP: Final = "Read every committed file of a job and compare it with its manifest; nothing is changed."

_WIDTH_MIN: Final = 40
_INDENT: Final = "        "


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    job_id: str
    manifests_read: int
    findings: tuple[Finding, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job, or the path of its folder")


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> int | None:
    job = JobHandle.open(arguments.work_dir, arguments.job)
    manifests = 0

    def count() -> None:
        nonlocal manifests
        manifests += 1

    findings = tuple(find_problems(job.store, job.layout, count))
    report = VerifyReport(job_id=job.job_id, manifests_read=manifests, findings=findings)
    output.emit(report, lambda columns: _lines(report, columns))
    return 1 if findings else None


def _lines(report: VerifyReport, columns: int) -> list[str]:
    whole = f"{report.job_id}: {report.manifests_read:,} manifests and all files that they name were read"
    width = max(columns, _WIDTH_MIN)
    if not report.findings:
        return textwrap.wrap(f"{whole}; nothing is wrong", width, subsequent_indent="  ")
    verdict = f"{whole}; {_problems(len(report.findings))} found. Nothing was changed."
    lines = textwrap.wrap(verdict, width, subsequent_indent="  ")
    for finding in report.findings:
        lines.append(f"damaged {finding.path}")
        problem = finding.problem.removeprefix(f"{finding.path}: ").removeprefix("damaged: ").rstrip(".")
        lines += textwrap.wrap(
            printable(f"{problem}; {finding.answer}."),
            width,
            initial_indent=_INDENT,
            subsequent_indent=_INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def _problems(count: int) -> str:
    return "1 problem was" if count == 1 else f"{count:,} problems were"
