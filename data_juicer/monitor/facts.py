"""What there is to say about a job, a line a fact: at the end of a run and in `dj-jobs show`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from data_juicer.clock import parse_utc
from data_juicer.events.view import JobView
from data_juicer.job.layout import JobLayout
from data_juicer.job.summary import JobCounts, JobStatus, JobSummary, RunRecord
from data_juicer.monitor.progress import format_duration, format_progress_in_full, progress_of
from data_juicer.monitor.views.costs import costs_of, format_costs, prices_of
from data_juicer.plan.resume.committed import CommittedWork
from data_juicer.store.ledger import OperatorLedger

_WARNINGS_SHOWN: Final = 3


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """`name` in front, one or two words; `text` after it, in one line however long a path is."""

    name: str
    text: str
    is_prose: bool = False
    """It may be broken into lines: nothing in it is there to be copied."""


class OperatorLine(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table of operators."""

    name: str
    rows_in: int
    rows_generated: int
    rows_out: int
    rows_filtered: int
    rows_duplicate: int
    rows_grouped: int
    rows_null_text: int
    rows_dead_letter: int
    """In + generated = out + filtered + duplicates + grouped + null texts + dead letters."""
    duration_s: float
    mb_per_s: float | None
    """Text that went in, in 10^6 bytes a second of one worker; None where it was not measured."""


def job_facts(
    summary: JobSummary,
    view: JobView,
    layout: JobLayout,
    committed: CommittedWork | None,
    *,
    is_alive: bool,
    export_change: str | None = None,
) -> list[Fact]:
    """Status first, the resume command last.

    Args:
        committed: how much is; None where that cannot be seen.
        is_alive: whether a driver works on the job; a job that says running and has none was killed.
        export_change: why the result at the export path is not the job's any more.
    """
    return [
        _status(summary, is_alive),
        *_last_error(summary, view),
        *_rows(summary, view, committed),
        *_retries(view),
        *_copies(view),
        *_checkpoint_costs(view),
        *_checkpoint_choices(view),
        *_requests(view),
        *_places(summary, view, layout, export_change),
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
            rows_generated=ledger.rows_generated,
            rows_out=ledger.rows_out,
            rows_filtered=ledger.rows_filtered,
            rows_duplicate=ledger.rows_duplicate,
            rows_grouped=ledger.rows_grouped,
            rows_null_text=ledger.rows_null_text,
            rows_dead_letter=ledger.rows_dead_letter,
            duration_s=ledger.duration_s,
            mb_per_s=ledger.text_bytes / 1e6 / ledger.duration_s
            if ledger.text_bytes and ledger.duration_s
            else None,
        )
        for ledger in sorted(ledgers, key=lambda ledger: ledger.index)
    ]


def counts_of(view: JobView, committed: CommittedWork | None = None) -> JobCounts:
    """The counts of a summary: as the manifests have them where they were counted, else as the events do."""
    work = committed if committed is not None and committed.partitions is not None else view
    return JobCounts(
        partitions=work.partitions or 0,
        partitions_done=work.partitions_done,
        partitions_failed=len(view.partitions_failed),
        rows=work.rows,
        rows_done=work.rows_done,
        rows_out=view.rows_out,
        rows_dead_letter=view.rows_dead_letter,
    )


def _status(summary: JobSummary, is_alive: bool) -> Fact:
    status = shown_status(summary, is_alive=is_alive)
    run = summary.runs[-1] if summary.runs else None
    if status == "interrupted":
        where = (
            f"run {run.number} (pid {run.pid} on {run.host}) ended without a record: it was killed, or its machine stopped"
            if run
            else "no run began"
        )
        return Fact(name=status, text=where, is_prose=True)
    if status == "running" and run:
        return Fact(name=status, text=f"run {run.number}, pid {run.pid} on {run.host}, since {run.started}")
    if summary.reason:
        text = " ".join(summary.reason.split()).removeprefix(f"{status} ")
        return Fact(name=status, text=text, is_prose=True)
    return Fact(name=status, text=_took(summary.runs))


def _last_error(summary: JobSummary, view: JobView) -> list[Fact]:
    if summary.status is JobStatus.COMPLETED or summary.reason or not view.last_error:
        return []
    return [Fact(name="last error", text=" ".join(view.last_error.split()), is_prose=True)]


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


def _rows(summary: JobSummary, view: JobView, committed: CommittedWork | None) -> list[Fact]:
    """What is committed, as the manifests say it; nothing where nothing is and nobody knows of how much."""
    if summary.status is JobStatus.COMPLETED:
        counts = summary.counts
        return [Fact(name="rows", text=f"{counts.rows:,} in, {counts.rows_out:,} out")]
    if committed is None:
        return []
    failed = f", {len(view.partitions_failed):,} failed" if view.partitions_failed else ""
    begun = _checkpoints(summary, committed)
    if committed.partitions is not None:
        done = f"{committed.partitions_done:,} of {committed.partitions:,} partitions committed{failed}"
        rows = f" ({committed.rows_done:,} of {committed.rows:,} rows)"
        return [Fact(name="safe", text=f"{done}{rows}{begun}", is_prose=True)]
    if committed.is_nothing:
        return []
    return [Fact(name="safe", text=f"{committed.partitions_done:,} partitions committed{failed}{begun}")]


def _checkpoints(summary: JobSummary, committed: CommittedWork) -> str:
    """How far the other partitions are."""
    if not committed.checkpoints:
        return ""
    index = max(committed.checkpoints)
    process = summary.config.get("process")
    names = [name for entry in process for name in _names(entry)] if isinstance(process, list) else []
    name = f" ({names[index]})" if index < len(names) else ""
    of = f" of {len(names)}" if names else ""
    count = sum(committed.checkpoints.values())
    others = "1 other has checkpoints" if count == 1 else f"{count:,} others have checkpoints"
    return f"; {others}, up to operator {index + 1}{of}{name}"


def _names(entry: object) -> list[str]:
    return [str(name) for name in entry] if isinstance(entry, dict) else [str(entry)]


def progress_facts(summary: JobSummary, view: JobView, now: datetime, *, is_alive: bool) -> list[Fact]:
    """How far a job is, and how fast; nothing of one that is complete, or has no plan yet."""
    if summary.status is JobStatus.COMPLETED or not view.partitions:
        return []
    progress = progress_of(view, now, is_alive=is_alive)
    return [Fact(name="progress", text=format_progress_in_full(progress).strip(), is_prose=True)]


def cost_facts(summary: JobSummary, view: JobView, now: datetime, *, is_alive: bool) -> list[Fact]:
    """What all runs together took, and its price where the recipe sets one."""
    if view.run_started is None:
        return []
    costs = costs_of(view, prices_of(summary.config), now, is_alive=is_alive)
    return [Fact(name="cost", text=format_costs(costs))]


def warning_facts(view: JobView) -> list[Fact]:
    """The newest warnings of the job."""
    shown = view.warnings[-_WARNINGS_SHOWN:]
    facts = [Fact(name="warning", text=" ".join(warning.split()), is_prose=True) for warning in shown]
    more = len(view.warnings) - len(shown)
    if more:
        facts.append(
            Fact(name="", text=f"and {more} before: dj-jobs events JOB --level WARNING", is_prose=True)
        )
    return facts


def _retries(view: JobView) -> list[Fact]:
    """Of the newest run, with their causes, the most frequent first."""
    if not view.retry_causes:
        return []
    causes = sorted(view.retry_causes.items(), key=lambda item: -item[1])
    causes_text = ", ".join(f"{count:,} {cause}" for cause, count in causes)
    return [Fact(name="retries", text=causes_text, is_prose=True)]


def _copies(view: JobView) -> list[Fact]:
    if not view.copies_started:
        return []
    begun = (
        "partition that took too long was begun"
        if view.copies_started == 1
        else "partitions that took too long were begun"
    )
    text = f"{view.copies_started:,} {begun} again on another worker; {view.copies_won:,} ended first there"
    return [Fact(name="stragglers", text=text, is_prose=True)]


def _checkpoint_costs(view: JobView) -> list[Fact]:
    """Seconds of all workers together; they save one stage while they work on the next."""
    if not view.checkpoints_saved:
        return []
    share = view.checkpoint_s / ((view.operator_s + view.checkpoint_s) or 1.0)
    size = view.checkpoint_bytes / 1e6
    seconds = f"{view.checkpoint_s:,.1f} s beside {view.operator_s:,.1f} s of operators ({share:.1%})"
    text = f"{view.checkpoints_saved:,} saved, {size:,.1f} MB, in {seconds}"
    return [Fact(name="checkpoints", text=text)]


def _checkpoint_choices(view: JobView) -> list[Fact]:
    """Of the strategy auto; `dj-jobs explain` has all of them."""
    if not view.checkpoint_choices:
        return []
    saved = sum(choice.saves > 0 for choice in view.checkpoint_choices.values())
    text = f"auto: saved after {saved} of {len(view.checkpoint_choices)} operators, where it pays; dj-jobs explain says why"
    return [Fact(name="", text=text, is_prose=True)]


def _requests(view: JobView) -> list[Fact]:
    """Of the newest run; nothing where no place of the job is in an object store."""
    if not view.requests:
        return []
    return [Fact(name="requests", text=f"{view.requests:,} to object stores")]


def _places(summary: JobSummary, view: JobView, layout: JobLayout, export_change: str | None) -> list[Fact]:
    facts = []
    if summary.status is JobStatus.COMPLETED and summary.export_path:
        facts.append(Fact(name="result", text=export_change or summary.export_path))
    if dead := max(summary.counts.rows_dead_letter, view.rows_dead_letter):
        rows = "1 row" if dead == 1 else f"{dead:,} rows"
        facts.append(Fact(name="dead letters", text=f"{rows} in {layout.dead_letter_dir}"))
    facts.append(Fact(name="job", text=layout.job_dir))
    if summary.config.get("event_logging", {}).get("enabled", True):
        facts.append(Fact(name="events", text=layout.events_log))
    return facts
