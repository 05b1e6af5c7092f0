"""dj-jobs report."""

from __future__ import annotations

import argparse
from typing import Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.clock import SystemClock, format_utc
from data_juicer.job.find import FoundJob
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.statistics.bounds import entries_of
from data_juicer.monitor.statistics.gather import read_stats
from data_juicer.monitor.statistics.report import fold_stats
from data_juicer.storage.posix import PosixStore
from data_juicer.web.feed import JobFeed
from data_juicer.web.page import report_page
from data_juicer.web.rows import Samples, read_letters, read_samples

NAME: Final = "report"
HELP: Final = "Write the page of a job as one file, which needs no server and loads nothing."


_SAMPLES_S: Final = 5.0
"""For rows before and after; more of them are not looked for then."""
_LEFT_OUT: Final = "Left out of this report (--no_rows)."


class ReportWritten(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    size_bytes: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job, or the path of its folder")
    parser.add_argument(
        "-o", "--page", default="report.html", metavar="FILE", help="file to write (default: %(default)s)"
    )

    parser.add_argument(
        "--no_rows",
        action="store_true",
        help="leave out the rows of samples and dead letters, for a page that others may read",
    )


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> None:
    job = JobHandle.open(arguments.work_dir, arguments.job)
    page = page_of(job, with_rows=not arguments.no_rows)
    PosixStore().put(arguments.page, page)
    written = ReportWritten(path=arguments.page, size_bytes=len(page))
    output.emit(written, lambda _: [f"{written.path} holds the page of {job.job_id}; open it in a browser"])


def page_of(job: JobHandle, *, with_rows: bool) -> bytes:
    """The page of a job with everything in it. Raises: StoreError."""
    clock = SystemClock()
    now, begun_s = clock.now(), clock.monotonic_s()
    feed = JobFeed(FoundJob(job_id=job.job_id, job_dir=job.layout.job_dir), job.store)
    feed.read_history()
    letters = read_letters(job)
    return report_page(
        {
            "made": format_utc(now),
            "job": feed.whole_document(now),
            "stats": fold_stats(
                job.job_id, entries_of(job.summary.config), read_stats(job.store, job.layout)
            ),
            "samples": read_samples(job, lambda: clock.monotonic_s() - begun_s > _SAMPLES_S)
            if with_rows
            else Samples(samples=(), note=_LEFT_OUT),
            "letters": letters if with_rows else msgspec.structs.replace(letters, letters=()),
        }
    )
