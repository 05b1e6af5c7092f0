"""How far a run is, and how long it will take. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from data_juicer.events.view import JobView

SETTLED_S_MIN: Final = 3.0
SETTLED_S_MAX: Final = 30.0
SETTLED_SHARE_MIN: Final = 0.02
"""The time left is shown from SETTLED_S_MIN on if this share of the rows of the run is done, from SETTLED_S_MAX on in any case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A run at one moment. `share` is in [0, 1]; None where there is nothing to go by yet."""

    partitions: int
    partitions_done: int
    partitions_running: int
    partitions_failed: int
    rows: int
    rows_done: int
    rows_dead_letter: int
    retries: int
    share: float
    elapsed_s: float
    rows_per_s: float | None
    left_s: float | None


def progress_of(view: JobView, now: datetime) -> Progress:
    """The rate is that of this run over its whole time: rows that earlier runs committed do not flatter it."""
    elapsed_s = max(0.0, (now - view.run_started).total_seconds()) if view.run_started else 0.0
    rows_of_run = view.rows_done - view.rows_done_before_run
    rate = rows_of_run / elapsed_s if rows_of_run > 0 and elapsed_s > 0 else None
    return Progress(
        partitions=view.partitions,
        partitions_done=view.partitions_done,
        partitions_running=len(view.running),
        partitions_failed=len(view.partitions_failed),
        rows=view.rows,
        rows_done=view.rows_done,
        rows_dead_letter=view.rows_dead_letter,
        retries=view.retries - view.retries_before_run,
        share=_share(view),
        elapsed_s=elapsed_s,
        rows_per_s=rate,
        left_s=(view.rows - view.rows_done) / rate if rate and _is_settled(view, elapsed_s) else None,
    )


def _is_settled(view: JobView, elapsed_s: float) -> bool:
    """Whether the rate so far tells of what is left: the first seconds hold the start of the workers."""
    if elapsed_s < SETTLED_S_MIN:
        return False
    rows_of_run = view.rows_done - view.rows_done_before_run
    is_enough = rows_of_run >= SETTLED_SHARE_MIN * (view.rows - view.rows_done_before_run)
    return is_enough or elapsed_s >= SETTLED_S_MAX


def _share(view: JobView) -> float:
    if view.rows:
        return min(1.0, view.rows_done / view.rows)
    return min(1.0, view.partitions_done / view.partitions) if view.partitions else 0.0


def format_duration(seconds: float) -> str:
    """`0.3 s`, `42 s`, `3 min 05 s`, `2 h 10 min`, `3 d 04 h`."""
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


def format_progress(progress: Progress) -> str:
    """One line of at most 80 columns for jobs below a billion rows."""
    parts = [
        f"{progress.share:4.0%}",
        f"{progress.partitions_done:,}/{progress.partitions:,} partitions",
        f"{progress.rows_done:,} rows",
    ]
    if progress.rows_per_s is not None:
        parts.append(f"{progress.rows_per_s:,.0f} rows/s")
    if progress.left_s is not None and progress.rows_done < progress.rows:
        parts.append(f"{format_duration(progress.left_s)} left")
    return "  ".join(parts + format_troubles(progress))


def format_troubles(progress: Progress) -> list[str]:
    """What is wrong so far; empty when nothing is."""
    counts = (
        (progress.partitions_failed, "failed", "failed"),
        (progress.retries, "retry", "retries"),
        (progress.rows_dead_letter, "dead letter", "dead letters"),
    )
    return [f"{count:,} {one if count == 1 else several}" for count, one, several in counts if count]
