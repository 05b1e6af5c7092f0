"""How large a partition is to be, from the sample, the cost of the operators and the machine. Pure.

The bounds for each modality are those of the specification; between them decide, in this order: how many partitions the input
gives each worker, the time that one partition takes, and the memory of a worker.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import msgspec

from data_juicer.engine.autoconfig.costs import PipelineCost
from data_juicer.engine.autoconfig.modality import Modality
from data_juicer.engine.autoconfig.sample_stats import SampleStats

_MB: Final = 1_000_000

PARTITIONS_A_WORKER: Final = 8
"""Wanted of a job that is large enough: few enough to be cheap, enough for progress and for workers to end together."""
PARTITION_S: Final = 10.0
"""Work of a partition that is aimed at where rows are dear; with the bounds of the table some 5 to 30 s."""
PARTITION_S_MIN: Final = 1.0
"""Work below which a partition is not made smaller to keep all workers busy: starting it costs too."""
MEMORY_SHARE: Final = 0.6
"""Of the free memory that all workers together may take."""
SIZE_MB_MAX: Final = 64
"""What max_size_mb is at most: the default of a partition that is sized by hand."""
SIZE_MB_MIN: Final = 8
TYPICAL_WORKER_BYTES: Final = 150 * _MB
"""Of a worker before its rows, where none was measured."""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The row of a modality in the specification's table."""

    rows_default: int
    rows_max: int
    memory_multiplier: float
    """Memory that a byte of the input takes while it is processed."""


PROFILES: Final[Mapping[Modality, Profile]] = {
    "text": Profile(rows_default=200, rows_max=1000, memory_multiplier=1.0),
    "image": Profile(rows_default=50, rows_max=200, memory_multiplier=5.0),
    "audio": Profile(rows_default=30, rows_max=100, memory_multiplier=8.0),
    "video": Profile(rows_default=10, rows_max=50, memory_multiplier=20.0),
    "multimodal": Profile(rows_default=20, rows_max=100, memory_multiplier=10.0),
}


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What the workers of a job have."""

    workers: int
    memory_bytes: int | None = None
    """Free for all workers together; None where it is not known."""
    limit: str = ""
    """What bounds the memory if not the machine itself, such as `cgroup`."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The sizes of a partition, and what decided."""

    rows: int
    size_mb: int
    modality: Modality
    reason: str
    """What bounded the rows, for people."""
    partition_s: float | None
    """Work of a partition on one core; None where no operator was measured."""
    partitions: int
    """About how many there will be."""
    worker_bytes: int
    """Memory that a worker is expected to take."""


def choose(stats: SampleStats, cost: PipelineCost | None, machine: Machine, rows_total: int) -> Choice:
    """The sizes of partitions.

    Args:
        rows_total: about how many rows the input has; 0 where it has none.
    Returns: rows in [1, the modality's maximum], size_mb in [1, SIZE_MB_MAX].
    """
    profile = PROFILES[stats.detected.modality]
    rows, reason = _by_amount(profile, machine, rows_total)
    if cost is not None and cost.seconds_per_row > 0:
        rows, reason = _by_time(rows, reason, cost.seconds_per_row, machine, rows_total)
    row_bytes = _row_memory_bytes(stats, profile, cost)
    base_bytes = cost.memory.settled_bytes if cost and cost.memory else TYPICAL_WORKER_BYTES
    room_bytes = _room_bytes(machine, base_bytes)
    if room_bytes is not None and row_bytes > 0 and rows * row_bytes > room_bytes:
        rows, reason = max(1, int(room_bytes // row_bytes)), "more would not fit into the memory of a worker"
    return Choice(
        rows=rows,
        size_mb=_size_mb(stats, profile, rows, room_bytes),
        modality=stats.detected.modality,
        reason=reason,
        partition_s=None if cost is None else rows * cost.seconds_per_row,
        partitions=math.ceil(rows_total / rows),
        worker_bytes=round(base_bytes + min(rows, max(rows_total, 1)) * row_bytes),
    )


def _by_amount(profile: Profile, machine: Machine, rows_total: int) -> tuple[int, str]:
    """Between default and maximum: large inputs have larger partitions."""
    wanted = rows_total // (PARTITIONS_A_WORKER * machine.workers)
    if wanted >= profile.rows_max:
        return profile.rows_max, "the most for this modality"
    if wanted <= profile.rows_default:
        return profile.rows_default, "the default of this modality"
    return wanted, f"{PARTITIONS_A_WORKER} partitions for each worker"


def _by_time(
    rows: int, reason: str, seconds_per_row: float, machine: Machine, rows_total: int
) -> tuple[int, str]:
    """Fewer where rows are dear: for the time that a lost partition costs, and so that no worker is without work."""
    timely = max(1, int(PARTITION_S / seconds_per_row))
    if timely < rows:
        rows, reason = timely, f"so many take about {PARTITION_S:g} s"
    shared = math.ceil(rows_total / machine.workers)
    if 0 < shared < rows:
        worthwhile = math.ceil(PARTITION_S_MIN / seconds_per_row)
        fewer = max(shared, min(worthwhile, rows))
        if fewer < rows:
            rows, reason = fewer, "every worker has a part"
    return rows, reason


def _row_memory_bytes(stats: SampleStats, profile: Profile, cost: PipelineCost | None) -> float:
    """Memory that a row takes in a worker: as measured for texts, by the multiplier where media come on top."""
    media_bytes = max(stats.media_bytes.p95 * profile.memory_multiplier, stats.decoded_bytes.p95)
    memory = cost.memory if cost else None
    if memory is not None and memory.sample_bytes > 0:
        measured = max(0, memory.peak_bytes - memory.base_bytes) / memory.sample_bytes * stats.row_bytes.mean
        return measured + media_bytes
    return stats.row_bytes.p95 * profile.memory_multiplier + media_bytes


def _room_bytes(machine: Machine, base_bytes: int) -> float | None:
    """For the rows of one worker; at least as much as it takes before them, so that a job can run at all."""
    if machine.memory_bytes is None:
        return None
    return max(machine.memory_bytes * MEMORY_SHARE / machine.workers - base_bytes, 8 * _MB)


def _size_mb(stats: SampleStats, profile: Profile, rows: int, room_bytes: float | None) -> int:
    """Where a partition of unusually long rows ends early: at four times what it usually has, and within the memory."""
    usual = math.ceil(4 * rows * max(stats.row_bytes.p95, 1) / _MB)
    room = SIZE_MB_MAX if room_bytes is None else int(room_bytes / profile.memory_multiplier / _MB)
    return max(1, min(max(usual, SIZE_MB_MIN), SIZE_MB_MAX, room))
