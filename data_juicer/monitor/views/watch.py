"""The screen of `dj-jobs watch`: one job at one moment, as lines of at most so many columns. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from data_juicer.clock import parse_utc
from data_juicer.events.payloads import ProcessSample
from data_juicer.events.view import JobView, RunningPartition
from data_juicer.job.summary import JobStatus, JobSummary
from data_juicer.monitor.facts import shown_status
from data_juicer.monitor.progress import (
    Progress,
    format_duration,
    format_left,
    format_share,
    format_troubles_with_causes,
    progress_of,
)
from data_juicer.monitor.views.amounts import format_bytes
from data_juicer.monitor.views.costs import costs_of, format_costs, prices_of
from data_juicer.monitor.views.phases import PhaseView
from data_juicer.printable import printable

BAR: Final = "━"
REST: Final = "─"
_BAR_WIDTH_MIN: Final = 10
_SHARE_BAR: Final = 12
_WORKERS_MAX: Final = 12
_WARNINGS_MAX: Final = 3


class Line(msgspec.Struct, frozen=True):
    """One line of the screen; printable, and not longer than it was made for."""

    text: str
    style: str = ""
    """`title`, `bar`, `warn`, `dim` or nothing."""


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """What the screen shows of a job."""

    summary: JobSummary
    view: JobView
    is_alive: bool
    disk_bytes: int | None
    """Of the job's files; None where they were not added up yet."""
    free_bytes: int | None
    """On the disk of the job."""


def screen_lines(job: Watched, now: datetime, columns: int, rows: int) -> list[Line]:
    """Status, phases, costs, operators, workers and troubles; at most `rows` lines, the least needed ones left out first."""
    progress = progress_of(job.view, now, is_alive=job.is_alive)
    head = [*_head(job, now, columns), *_phases(progress, job.view, columns), *_amounts(job, now, columns)]
    troubles = _troubles(job.view, progress, columns)
    workers = _workers(job.view, now, columns) if job.is_alive else []
    room = rows - len(head) - len(troubles) - len(workers)
    operators = _operators(job.view, now, columns, job.is_alive)
    return _fit([*head, *_some(operators, room), *workers, *troubles], columns, rows)


def _fit(lines: Iterable[Line], columns: int, rows: int) -> list[Line]:
    return [Line(_cut(line.text, columns), line.style) for line in lines][:rows]


def _cut(text: str, columns: int) -> str:
    text = printable(text).rstrip() if not text.isprintable() else text.rstrip()
    return text if len(text) <= columns else f"{text[: columns - 1]}…"


def _some(lines: Sequence[Line], room: int) -> list[Line]:
    """The lines if they fit, else the first of them and how many are left out."""
    if len(lines) <= room:
        return list(lines)
    shown = max(0, room - 1)
    return [*lines[:shown], Line(f"   … {len(lines) - shown} more", "dim")] if shown else []


def _head(job: Watched, now: datetime, columns: int) -> list[Line]:
    status = shown_status(job.summary, is_alive=job.is_alive)
    run = job.summary.runs[-1] if job.summary.runs else None
    where = f"run {run.number}, pid {run.pid} on {run.host}" if run else "no run began"
    left = f"{job.summary.job_id}  {status}  {where}"
    clock = now.strftime("%H:%M:%S")
    room = columns - len(clock) - 1
    return [Line(f"{_cut(left, room):<{room}} {clock}", "title")]


def _phases(progress: Progress, view: JobView, columns: int) -> list[Line]:
    """A line a phase, the present one with how far it is; below them the bar of the whole run."""
    if not view.partitions:
        return [Line("no plan yet: the input is being read, or the run has just begun", "dim")]
    lines = []
    if progress.phase.phases > 1:
        goals = [
            view.operators[each.operation_idx].name
            for each in view.boundaries
            if each.operation_idx in view.operators
        ]
        for number, goal in enumerate([*(f"up to {name}" for name in goals), "to the results"], start=1):
            lines.append(_phase_line(number, goal, progress.phase))
    else:
        lines.append(Line(f"{view.partitions_done:,} of {view.partitions:,} partitions"))
    facts = [format_share(progress.share)]
    if progress.rows_per_s is not None:
        facts.append(f"{progress.rows_per_s:,.0f} rows/s")
    if progress.bytes_per_s is not None:
        facts.append(f"{format_bytes(progress.bytes_per_s)}/s")
    if progress.left is not None:
        facts.append(format_left(progress.left))
    text = "  ".join(facts)
    width = max(_BAR_WIDTH_MIN, columns - len(text) - 2)
    return [*lines, Line(f"{_bar(progress.share, width)}  {text}", "bar")]


def _phase_line(number: int, goal: str, phase: PhaseView) -> Line:
    if number < phase.number:
        return Line(f"  phase {number}  {goal}: done", "dim")
    if number > phase.number:
        return Line(f"  phase {number}  {goal}", "dim")
    done = f"{phase.partitions_done:,} of {phase.partitions:,} partitions"
    return Line(f"> phase {number}  {goal}: {'all rows are compared' if phase.is_resolving else done}")


def _bar(share: float, width: int) -> str:
    full = int(share * width)
    return BAR * full + REST * (width - full)


def _amounts(job: Watched, now: datetime, columns: int) -> list[Line]:
    view = job.view
    if view.run_started is None:
        return []
    costs = costs_of(view, prices_of(job.summary.config), now, is_alive=job.is_alive)
    disk = f"{format_bytes(job.disk_bytes)} on disk" if job.disk_bytes is not None else ""
    free = f"{format_bytes(job.free_bytes)} free" if job.free_bytes is not None else ""
    commits = f"{view.checkpoints_saved:,} checkpoints" if view.checkpoints_saved else ""
    rows = f"{view.rows_done:,} of {view.rows:,} rows done, {view.rows_out:,} out"
    return [
        Line(_cut(rows, columns)),
        Line(_cut(format_costs(costs), columns)),
        Line(_cut(", ".join(filter(None, (disk, free, commits))), columns)),
    ]


def _operators(view: JobView, now: datetime, columns: int, is_alive: bool) -> list[Line]:
    """Each operator with its share of the time that workers had in this run, then saving and idling."""
    if not view.operators:
        return []
    spent = _spent_in_run(view)
    began = parse_utc(view.work_began)
    end = now if is_alive else parse_utc(view.last_event)
    had_s = max(1, view.workers) * max(0.0, (end - began).total_seconds()) if began and end else 0.0
    saving_s = max(0.0, view.checkpoint_s - view.checkpoint_s_before_run)
    whole_s = max(had_s, sum(spent.values()) + saving_s) or 1.0
    name_width = max(12, columns - 46)
    lines = [
        Line(""),
        Line(
            f"   {'operator':<{name_width}} {'time':>5} {'':<{_SHARE_BAR}} {'rows out':>11} {'gone':>9}",
            "dim",
        ),
    ]
    at = {running.operation_idx for running in view.running.values()}
    for index, ledger in sorted(view.operators.items()):
        share = spent.get(index, 0.0) / whole_s
        gone = ledger.rows_in + ledger.rows_generated - ledger.rows_out
        mark = ">" if index in at and is_alive else " "
        lines.append(
            Line(
                f" {mark} {_cut(ledger.name, name_width):<{name_width}} {share:>5.0%} {_thin(share):<{_SHARE_BAR}} "
                f"{ledger.rows_out:>11,} {gone:>9,}"
            )
        )
    idle_s = max(0.0, had_s - sum(spent.values()) - saving_s)
    for name, seconds in (("saving and loading", saving_s), ("idle, or not committed yet", idle_s)):
        share = seconds / whole_s
        lines.append(Line(f"   {_cut(name, name_width):<{name_width}} {share:>5.0%} {_thin(share)}", "dim"))
    return lines


def _thin(share: float) -> str:
    return BAR * min(_SHARE_BAR, round(share * _SHARE_BAR))


def _spent_in_run(view: JobView) -> dict[int, float]:
    """Seconds of each operator in this run, what is not committed yet included."""
    spent = {
        index: max(0.0, each.duration_s - view.operator_s_before_run.get(index, 0.0))
        for index, each in view.operators.items()
    }
    for running in view.running.values():
        for index, ledger in running.ledgers.items():
            spent[index] = spent.get(index, 0.0) + ledger.duration_s
    return spent


def _workers(view: JobView, now: datetime, columns: int) -> list[Line]:
    """What each worker does and for how long; the longest first."""
    if not view.running:
        return []
    by_pid = {str(process.pid): process for process in view.processes}
    in_flight = sorted(view.running.items(), key=lambda item: item[1].operation_began or item[1].began)
    is_one_node = len({running.node for running in view.running.values()}) == 1
    lines = [
        Line(_worker(partition, running, view, by_pid, now, is_one_node=is_one_node))
        for partition, running in in_flight[:_WORKERS_MAX]
    ]
    if len(in_flight) > _WORKERS_MAX:
        lines.append(Line(f"   … {len(in_flight) - _WORKERS_MAX} more", "dim"))
    return [Line(""), Line(_cut(f"   workers ({view.backend}, {view.workers})", columns), "dim"), *lines]


def _worker(
    partition: int,
    running: RunningPartition,
    view: JobView,
    by_pid: Mapping[str, ProcessSample],
    now: datetime,
    *,
    is_one_node: bool,
) -> str:
    operator = view.operators.get(running.operation_idx)
    doing = operator.name if operator is not None else "writing its result"
    since = parse_utc(running.operation_began or running.began)
    lasted = f" {format_duration(max(0.0, (now - since).total_seconds()))}" if since else ""
    worker = " ".join(filter(None, ("" if is_one_node else running.node, running.worker))) or "worker"
    again = "" if running.attempt.endswith("a1") else f" {running.attempt}"
    process = by_pid.get(running.worker.rpartition(" ")[2])
    usage = f", {process.cpu_share:.0%} CPU, {format_bytes(process.memory_bytes)}" if process else ""
    return f"   {worker}: partition {partition}{again}, {doing}{lasted}{usage}"


def _troubles(view: JobView, progress: Progress, columns: int) -> list[Line]:
    lines = [Line(_cut(text, columns), "warn") for text in format_troubles_with_causes(progress)]
    if view.last_error and view.status is not JobStatus.COMPLETED:
        lines.append(Line(_cut(" ".join(view.last_error.split()), columns), "warn"))
    lines += [Line(_cut(" ".join(each.split()), columns), "warn") for each in view.warnings[-_WARNINGS_MAX:]]
    return [Line(""), *lines] if lines else []
