"""dj-jobs metrics."""

from __future__ import annotations

import argparse
from typing import Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.clock import SystemClock
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.metrics.families import Family, families_of
from data_juicer.monitor.metrics.text import exposition
from data_juicer.monitor.progress import progress_of
from data_juicer.storage.posix import PosixStore

NAME: Final = "metrics"
HELP: Final = "Print the numbers of a job as Prometheus reads them."


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    job_id: str
    metrics: tuple[Family, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job, or the path of its folder")
    parser.add_argument(
        "-o", "--file", metavar="FILE", help="write them to this file, which takes its place when it is whole"
    )


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> None:
    job = JobHandle.open(arguments.work_dir, arguments.job)
    now = SystemClock().now()
    share = progress_of(job.view, now, is_alive=job.is_alive(now)).share
    families = families_of(job.view, job_id=job.job_id, status=job.status(now), share=share)
    text = exposition(families)
    if arguments.file is not None:
        PosixStore().put(arguments.file, text.encode())
    document = Metrics(job_id=job.job_id, metrics=families)
    output.emit(document, lambda _: [arguments.file] if arguments.file is not None else text.splitlines())
