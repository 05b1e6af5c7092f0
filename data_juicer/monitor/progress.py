"""How far a run is, and how long it will take. Pure.

The progress bar, the lines of a batch system, events.log, `dj-jobs show` and `dj-jobs list` all show this, so that they say the
same at one moment.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from data_juicer.events.view import JobView
from data_juicer.monitor.views.phases import PhaseView, format_phase, format_phase_briefly, phase_of
from data_juicer.monitor.views.work import (
    TimeLeft,
    bytes_per_s,
    rows_per_s,
    share_of,
    time_left,
    work_of,
)

_UNITS: Final = (
    (1.0, 1.0, "s", 10.0),
    (5.0, 1.0, "s", 90.0),
    (60.0, 60.0, "min", 90 * 60.0),
    (1800.0, 3600.0, "h", 36 * 3600.0),
    (43200.0, 86400.0, "d", float("inf")),
)
"""Step, seconds and name of the unit, and below how many seconds a range is given in it."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A run at one moment. `share` is in [0, 1]; None where there is nothing to go by yet."""

    phase: PhaseView
    partitions: int
    partitions_done: int
    partitions_running: int
    partitions_failed: int
    rows: int
    rows_done: int
    rows_dead_letter: int
    dead_letter_operators: tuple[str, ...]
    """Where they come from, the most frequent first."""
    retries: int
    retry_causes: tuple[str, ...]
    """Of this run, the most frequent first."""
    share: float
    elapsed_s: float
    """Since the run began."""
    rows_per_s: float | None
    bytes_per_s: float | None
    left: TimeLeft | None


def progress_of(view: JobView, now: datetime, *, is_alive: bool = True) -> Progress:
    """The rate is that of this run since its first attempt began: neither earlier runs nor the start of workers are in it.

    Args:
        is_alive: whether a driver works on the job: else there is no rate, and what was not committed is lost.
    """
    elapsed_s = max(0.0, (now - view.run_started).total_seconds()) if view.run_started else 0.0
    work = work_of(view, now, is_alive=is_alive)
    dead = [each for each in view.operators.values() if each.rows_dead_letter]
    return Progress(
        phase=phase_of(view),
        partitions=view.partitions,
        partitions_done=view.partitions_done,
        partitions_running=len(view.running),
        partitions_failed=len(view.partitions_failed),
        rows=view.rows,
        rows_done=view.rows_done,
        rows_dead_letter=view.rows_dead_letter,
        dead_letter_operators=tuple(
            each.name for each in sorted(dead, key=lambda each: -each.rows_dead_letter)
        ),
        retries=view.retries - view.retries_before_run,
        retry_causes=tuple(sorted(view.retry_causes, key=lambda cause: -view.retry_causes[cause])),
        share=share_of(view, work),
        elapsed_s=elapsed_s,
        rows_per_s=rows_per_s(view, work) if is_alive else None,
        bytes_per_s=bytes_per_s(view, work) if is_alive else None,
        left=time_left(view, work) if is_alive else None,
    )


def format_duration(seconds: float) -> str:
    """`25 ms`, `0.3 s`, `42 s`, `3 min 05 s`, `2 h 10 min`, `3 d 04 h`."""
    if seconds < 0.0995:
        return f"{round(seconds * 1000)} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = whole // 60
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = minutes // 60
    return f"{hours // 24} d {hours % 24:02d} h"


def format_left(left: TimeLeft) -> str:
    """A range in one unit: `20-35 s left`, `2-3 min left`, `1.5-2 h left`; one number where both ends are it."""
    step_s, unit_s, unit, _ = next(each for each in _UNITS if left.high_s < each[3])
    low = max(step_s, round(left.low_s / step_s) * step_s) / unit_s
    high = max(step_s, -(-left.high_s // step_s) * step_s) / unit_s
    return f"{high:g} {unit} left" if low >= high else f"{low:g}-{high:g} {unit} left"


def format_progress(progress: Progress) -> str:
    """One line of at most 80 columns for jobs below a billion rows."""
    return "  ".join(_parts(progress, format_phase_briefly(progress.phase)) + format_troubles(progress))


def format_progress_in_full(progress: Progress) -> str:
    """The same for a log: phase and causes in words."""
    return ", ".join(_parts(progress, format_phase(progress.phase)) + format_troubles_with_causes(progress))


def _parts(progress: Progress, phase: str) -> list[str]:
    parts = [f"{format_share(progress.share):>4}", phase]
    if progress.phase.phases == 1:
        parts.append(f"{progress.rows_done:,} rows")
    if progress.rows_per_s is not None:
        parts.append(f"{progress.rows_per_s:,.0f} rows/s")
    if progress.left is not None:
        parts.append(format_left(progress.left))
    return parts


def format_share(share: float) -> str:
    """Whole per cent, rounded down: 100 % is only what is complete."""
    return f"{int(share * 100)}%"


def format_troubles(progress: Progress) -> list[str]:
    """What is wrong so far; empty when nothing is."""
    return [f"{trouble.count:,} {trouble.noun}" for trouble in _troubles(progress)]


def format_troubles_with_causes(progress: Progress) -> list[str]:
    """The same with the most frequent cause of each: `2 retries (WorkerLost in my_mapper)`."""
    return [f"{trouble.count:,} {trouble.noun}{_first_of(trouble.causes)}" for trouble in _troubles(progress)]


class _Trouble(msgspec.Struct, frozen=True, kw_only=True):
    count: int
    noun: str
    causes: tuple[str, ...] = ()


def _troubles(progress: Progress) -> list[_Trouble]:
    failed, retries, dead = progress.partitions_failed, progress.retries, progress.rows_dead_letter
    every = (
        _Trouble(count=failed, noun="failed"),
        _Trouble(count=retries, noun="retry" if retries == 1 else "retries", causes=progress.retry_causes),
        _Trouble(
            count=dead,
            noun="dead letter" if dead == 1 else "dead letters",
            causes=progress.dead_letter_operators,
        ),
    )
    return [trouble for trouble in every if trouble.count]


def _first_of(causes: tuple[str, ...]) -> str:
    if not causes:
        return ""
    return f" ({causes[0]} and others)" if len(causes) > 1 else f" ({causes[0]})"
