"""The work of a run, counted in operators and bytes: what is done, how fast, and how long the rest will take. Pure.

A partition counts with its bytes for each operator that it has passed, for being read, and for each summary that a dataset
operator needs of it. So a run moves long before its first partition is finished. What is not committed yet counts while
its attempt runs, and is lost with it.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final

import msgspec

from data_juicer.clock import parse_utc
from data_juicer.events.view import JobView

SETTLED_S_MIN: Final = 3.0
SETTLED_S_MAX: Final = 30.0
SETTLED_SHARE_MIN: Final = 0.02
"""The time left is given from SETTLED_S_MIN on if this share of what the run had to do is done, from SETTLED_S_MAX on in any
case."""
SPREAD_MIN: Final = 0.1
SPREAD_MAX: Final = 0.5
"""How far the ends of the range are from its middle, at least and at most; see `_spread`."""
SHARE_MAX: Final = 0.99
"""As long as a partition is missing."""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A run at one moment; what it has done is in bytes times operators."""

    total: int
    """0 where the log does not say how large the input is."""
    done: int
    done_before_run: int
    elapsed_s: float
    """Since the first attempt began: the start of workers is not in it."""
    worker_s: float
    """Seconds that workers of this run spent in operators."""

    @property
    def gained(self) -> int:
        return self.done - self.done_before_run


class TimeLeft(msgspec.Struct, frozen=True, kw_only=True):
    """A range, in seconds."""

    low_s: float
    high_s: float


class _Cost(msgspec.Struct, frozen=True, kw_only=True):
    """One operator, or the summaries for one."""

    passed: int
    """Bytes that took `spent_s`."""
    spent_s: float
    left: int
    """Bytes that have not passed it."""


_NOTHING: Final = _Cost(passed=0, spent_s=0.0, left=0)


def work_of(view: JobView, now: datetime, *, is_alive: bool = True) -> Work:
    """How much of the work is done.

    Args:
        is_alive: whether a driver works on the job: else what was not committed is lost.
    """
    in_flight = _in_flight(view) if is_alive else {}
    steps = len(view.operators) + len(view.boundaries)
    began = parse_utc(view.work_began)
    return Work(
        total=view.size_bytes * steps,
        done=view.passed_in_all + sum(each.passed for each in in_flight.values()),
        done_before_run=view.passed_before_run,
        elapsed_s=max(0.0, (now - began).total_seconds()) if began else 0.0,
        worker_s=view.worker_s
        - view.operators_s_before_run
        + sum(each.spent_s for index, each in in_flight.items() if index not in _waiting(view)),
    )


def share_of(view: JobView, work: Work) -> float:
    """The part of the work that is done, in [0, 1]; below 1 as long as a partition is missing."""
    if view.partitions and view.partitions_done >= view.partitions:
        return 1.0
    if work.total:
        return min(SHARE_MAX, work.done / work.total)
    if view.rows:
        return min(SHARE_MAX, view.rows_done / view.rows)
    return min(SHARE_MAX, view.partitions_done / view.partitions) if view.partitions else 0.0


def rows_per_s(view: JobView, work: Work) -> float | None:
    """Rows of the input that this run brings to their end in a second; None where nothing is known yet."""
    if work.total and work.gained > 0 and work.elapsed_s > 0:
        return view.rows * (work.gained / work.total) / work.elapsed_s
    return None


def bytes_per_s(view: JobView, work: Work) -> float | None:
    """The same in bytes of the input."""
    rate = rows_per_s(view, work)
    return rate * view.size_bytes / view.rows if rate is not None and view.rows else None


def time_left(view: JobView, work: Work) -> TimeLeft | None:
    """How long the rest will take: what is left of each operator, at what it has cost so far, by as many workers as have worked.

    None where too little is known. An operator that has seen no row yet costs between nothing and twice the mean of the others.
    """
    is_done = bool(view.partitions) and view.partitions_done >= view.partitions
    if is_done or not work.total or work.gained <= 0 or work.worker_s <= 0 or not _is_settled(work):
        return None
    costs = _costs(view)
    known = [cost for cost in costs if cost.passed > 0]
    if not known:
        return None
    left_s = sum(cost.left * cost.spent_s / cost.passed for cost in known)
    mean_s = sum(cost.spent_s for cost in known) / sum(cost.passed for cost in known)
    unknown_s = sum(2 * cost.left * mean_s for cost in costs if cost.passed <= 0)
    speed = work.worker_s / work.elapsed_s
    spread = _spread(view, work)
    return TimeLeft(low_s=left_s / speed * (1 - spread), high_s=(left_s * (1 + spread) + unknown_s) / speed)


def _is_settled(work: Work) -> bool:
    """Whether the rate so far tells of what is left."""
    if work.elapsed_s < SETTLED_S_MIN:
        return False
    is_enough = work.gained >= SETTLED_SHARE_MIN * (work.total - work.done_before_run)
    return is_enough or work.elapsed_s >= SETTLED_S_MAX


def _spread(view: JobView, work: Work) -> float:
    """Half of one partition's time after one partition, as partitions are unequal; less by the square root of how many
    the work so far amounts to.
    """
    partitions = view.partitions * work.gained / work.total
    return min(SPREAD_MAX, max(SPREAD_MIN, SPREAD_MAX / math.sqrt(max(1.0, partitions))))


def _costs(view: JobView) -> list[_Cost]:
    """Of `read`, every operator that is no dataset operator, and the summaries for each that is."""
    in_flight, waiting = _in_flight(view), _waiting(view)
    costs = []
    for index, ledger in view.operators.items():
        if index in waiting:  # applying decisions costs next to nothing
            continue
        more = in_flight.get(index, _NOTHING)
        passed = view.passed_bytes.get(index, 0) + more.passed
        left = max(0, view.size_bytes - passed)
        costs.append(_Cost(passed=passed, spent_s=ledger.duration_s + more.spent_s, left=left))
    for boundary in view.boundaries:
        left = 0 if boundary.is_resolved else max(0, view.size_bytes - boundary.passed_bytes)
        costs.append(_Cost(passed=boundary.summarised_bytes, spent_s=boundary.summarise_s, left=left))
    return costs


def _in_flight(view: JobView) -> dict[int, _Cost]:
    """Operator -> what partitions have passed it without a commit."""
    found: dict[int, _Cost] = {}
    for running in view.running.values():
        for index, ledger in running.ledgers.items():
            work = found.get(index, _NOTHING)
            found[index] = _Cost(
                passed=work.passed + running.size_bytes, spent_s=work.spent_s + ledger.duration_s, left=0
            )
    return found


def _waiting(view: JobView) -> set[int]:
    """The dataset operators."""
    return {boundary.operation_idx for boundary in view.boundaries}
