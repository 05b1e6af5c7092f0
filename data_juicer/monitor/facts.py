"""What there is to say about a job, a line a fact: at the end of a run and in `dj-jobs show`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data_juicer.clock import parse_utc
from data_juicer.events.view import JobView
from data_juicer.job.layout import JobLayout
from data_juicer.job.summary import JobCounts, JobStatus, JobSummary, RunRecord
from data_juicer.monitor.progress import format_duration
from data_juicer.store.ledger import OperatorLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """`name` in front, one or two words; `text` behind it, in one line however long a path is."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorLine:
    """One row of the table of operators."""

    name: str
    rows_in: int
    rows_out: int
    rows_dropped: int
    """Filtered, duplicate and dead letters."""
    rows_dead_letter: int
    duration_s: float
    mb_per_s: float | None
    """Text that went in, in 10^6 bytes a second of one worker; None where it was not measured."""


def job_facts(summary: JobSummary, view: JobView, layout: JobLayout, *, is_alive: bool) -> list[Fact]:
    """Status first, the resume command last.

    Args:
        is_alive: whether a driver works on the job; a job that says running and has none was killed.
    """
    return [
        _status(summary, is_alive),
        *_last_error(summary, view),
        _rows(summary, view, is_alive),
        *_costs(view),
        *_places(summary, layout),
        Fact(name="resume", text=summary.resume_command),
    ]


def shown_status(summary: JobSummary, *, is_alive: bool) -> str:
    """The status for people: `interrupted` for a job whose driver died without a word."""
    if summary.status in {JobStatus.RUNNING, JobStatus.PENDING} and not is_alive:
        return "interrupted"
    return summary.status.value


def operator_lines(ledgers: Sequence[OperatorLedger]) -> list[OperatorLine]:
    """The ledger for people, in the order of the recipe."""
    return [
        OperatorLine(
            name=ledger.name,
            rows_in=ledger.rows_in,
            rows_out=ledger.rows_out,
            rows_dropped=ledger.rows_filtered + ledger.rows_duplicate + ledger.rows_dead_letter,
            rows_dead_letter=ledger.rows_dead_letter,
            duration_s=ledger.duration_s,
            mb_per_s=ledger.text_bytes / 1e6 / ledger.duration_s
            if ledger.text_bytes and ledger.duration_s
            else None,
        )
        for ledger in sorted(ledgers, key=lambda ledger: ledger.index)
    ]


def counts_of(view: JobView) -> JobCounts:
    """The counts of a summary, as the events have them."""
    return JobCounts(
        partitions=view.partitions,
        partitions_done=view.partitions_done,
        partitions_failed=len(view.partitions_failed),
        rows=view.rows,
        rows_done=view.rows_done,
        rows_out=view.rows_out,
        rows_dead_letter=view.rows_dead_letter,
    )


def _status(summary: JobSummary, is_alive: bool) -> Fact:
    status = shown_status(summary, is_alive=is_alive)
    run = summary.runs[-1] if summary.runs else None
    if status == "interrupted":
        where = (
            f"run {run.number} (pid {run.pid} on {run.host}) ended without a word" if run else "no run began"
        )
        return Fact(name=status, text=where)
    if status == "running" and run:
        return Fact(name=status, text=f"run {run.number}, pid {run.pid} on {run.host}, since {run.started}")
    if summary.reason:
        return Fact(name=status, text=" ".join(summary.reason.split()).removeprefix(f"{status} "))
    return Fact(name=status, text=_took(summary.runs))


def _last_error(summary: JobSummary, view: JobView) -> list[Fact]:
    if summary.status is JobStatus.COMPLETED or summary.reason or not view.last_error:
        return []
    return [Fact(name="last error", text=" ".join(view.last_error.split()))]


def _took(runs: Sequence[RunRecord]) -> str:
    if not runs:
        return "no run yet"
    run = runs[-1]
    started, stopped = parse_utc(run.started), parse_utc(run.stopped or "")
    if started is not None and stopped is not None:
        text = f"in {format_duration(max(0.0, (stopped - started).total_seconds()))}"
    else:
        text = "ended" if run.stopped else "not ended"
    return text if len(runs) == 1 else f"{text} (run {runs[-1].number} of the job)"


def _rows(summary: JobSummary, view: JobView, is_alive: bool) -> Fact:
    """Of an interrupted job the log may lack the last half second: manifests, which count, may know of more."""
    counts = summary.counts
    if summary.status is JobStatus.COMPLETED:
        return Fact(name="rows", text=f"{counts.rows:,} in, {counts.rows_out:,} out")
    if view.partitions:  # the summary is written when a run begins and ends, events in between
        counts = counts_of(view)
    failed = f", {counts.partitions_failed:,} failed" if counts.partitions_failed else ""
    least = "at least " if shown_status(summary, is_alive=is_alive) == "interrupted" else ""
    done = f"{least}{counts.partitions_done:,} of {counts.partitions:,} partitions committed{failed}"
    return Fact(name="safe", text=f"{done} ({counts.rows_done:,} of {counts.rows:,} rows)")


def _costs(view: JobView) -> list[Fact]:
    """Seconds of all workers together; they save one stage while they work on the next."""
    if not view.checkpoints_saved:
        return []
    share = view.checkpoint_s / ((view.operator_s + view.checkpoint_s) or 1.0)
    size = view.checkpoint_bytes / 1e6
    seconds = f"{view.checkpoint_s:,.1f} s beside {view.operator_s:,.1f} s of operators ({share:.1%})"
    text = f"{view.checkpoints_saved:,} saved, {size:,.1f} MB, in {seconds}"
    return [Fact(name="checkpoints", text=text)]


def _places(summary: JobSummary, layout: JobLayout) -> list[Fact]:
    facts = []
    if summary.status is JobStatus.COMPLETED and summary.export_path:
        facts.append(Fact(name="result", text=summary.export_path))
    if dead := summary.counts.rows_dead_letter:
        rows = "1 row" if dead == 1 else f"{dead:,} rows"
        facts.append(Fact(name="dead letters", text=f"{rows} in {layout.dead_letter_dir}"))
    facts.append(Fact(name="job", text=layout.job_dir))
    facts.append(Fact(name="events", text=layout.events_log))
    return facts
