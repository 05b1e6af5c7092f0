"""How far a job is, from its summary and its events: the line of `dj-jobs list` and the beginning of `show`. Pure."""

from __future__ import annotations

from datetime import datetime

import msgspec

from data_juicer.clock import parse_utc
from data_juicer.events.view import JobView
from data_juicer.job.summary import JobCounts, JobStatus, JobSummary
from data_juicer.monitor.facts import counts_of, shown_status
from data_juicer.monitor.progress import progress_of


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    status: str
    share: float | None
    """Of the work that is done, in [0, 1]; None where it is not known."""
    counts: JobCounts
    started: str | None
    """Of its first run; None where none began."""
    took_s: float | None
    """Of all its runs together; of one that was killed, until it was last heard of."""


def needs_events(summary: JobSummary) -> bool:
    """Whether the events of a job say more than its summary: of all jobs that are not complete, how far they are."""
    return summary.status is not JobStatus.COMPLETED


def standing_of(summary: JobSummary, view: JobView | None, now: datetime, *, is_alive: bool) -> Standing:
    """
    Args:
        view: None where `needs_events` says that the summary is enough.
        is_alive: whether a driver works on the job.
    """
    counts = counts_of(view) if view is not None and view.partitions else summary.counts
    is_complete = summary.status is JobStatus.COMPLETED
    share = 1.0 if is_complete else None
    if view is not None and view.partitions:
        share = progress_of(view, now, is_alive=is_alive).share
    elif not is_complete and counts.rows:
        share = min(0.99, counts.rows_done / counts.rows)
    return Standing(
        status=shown_status(summary, is_alive=is_alive),
        share=share,
        counts=counts,
        started=summary.runs[0].started if summary.runs else None,
        took_s=_took_s(summary, view, now, is_alive=is_alive),
    )


def _took_s(summary: JobSummary, view: JobView | None, now: datetime, *, is_alive: bool) -> float | None:
    took_s, newest = 0.0, len(summary.runs) - 1
    for number, run in enumerate(summary.runs):
        started, stopped = parse_utc(run.started), parse_utc(run.stopped or "")
        if stopped is None and number == newest:
            last = parse_utc(view.last_event) if view is not None else None
            stopped = now if is_alive else last
        if started is not None and stopped is not None:
            took_s += max(0.0, (stopped - started).total_seconds())
    return took_s if summary.runs else None
