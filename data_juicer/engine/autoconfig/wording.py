"""The five lines that tell what was chosen and why. Pure."""

from __future__ import annotations

from typing import Final

from data_juicer.engine.autoconfig.choice import Choice, Machine
from data_juicer.engine.autoconfig.costs import PipelineCost
from data_juicer.engine.autoconfig.sample_stats import SampleStats

_NAME: Final = "auto_configure"


def describe_kept_size(rows: int, size_mb: int) -> str:
    """The line of a resume."""
    return f"{_NAME}: size {rows:,} and max_size_mb {size_mb} are those of the runs before, so that their checkpoints stay valid"


def describe_choice(
    stats: SampleStats, cost: PipelineCost | None, unmeasured: str, machine: Machine, choice: Choice
) -> tuple[str, ...]:
    """Five lines: modality, sample, operators, machine, choice.

    Args:
        unmeasured: why operators were not measured, where `cost` is None.
    """
    return (
        f"{_NAME}: {_modality(stats)}",
        f"{_NAME}: {_sample(stats)}",
        f"{_NAME}: {_operators(cost, unmeasured)}",
        f"{_NAME}: {_machine(machine, choice)}",
        f"{_NAME}: {_choice(choice)}",
    )


def _modality(stats: SampleStats) -> str:
    modality, shares = stats.detected.modality, stats.detected.shares
    if not stats.rows:
        return f"{modality} is assumed: no row could be sampled"
    if not shares:
        return f"{modality}: no sampled row refers to media"
    parts = " and ".join(
        f"{share:.0%} of the sampled rows refer to {medium}" for medium, share in shares.items()
    )
    return f"{modality}: {parts}"


def _sample(stats: SampleStats) -> str:
    text = f"{_count(stats.rows, 'row')} of {_count(stats.sources, 'file')} sampled: "
    text += f"{_bytes(stats.row_bytes.median)} a row (95 %: {_bytes(stats.row_bytes.p95)}), "
    text += f"text {stats.text_chars.median:,.0f} characters ({stats.text_chars.p95:,.0f})"
    if stats.media_count:
        text += f", {stats.media_count:.1f} media files a row, {_bytes(stats.media_bytes.mean)}"
        if stats.decoded_bytes.mean:
            text += f", {_bytes(stats.decoded_bytes.mean)} decoded"
    if stats.files_missing:
        text += f"; {_count(stats.files_missing, 'media file')} could not be looked at"
    return text


def _operators(cost: PipelineCost | None, unmeasured: str) -> str:
    if cost is None:
        return f"operators were not measured: {unmeasured}"
    text = f"operators take {_seconds(cost.seconds_per_row)} a row"
    if cost.dearest:
        text += f", {cost.dearest} {cost.dearest_share:.0%} of it"
    text += f" ({_count(cost.rows, 'row')} measured)"
    for name, why in cost.skipped.items():
        text += f"; without {name}, {why}"
    return text


def _machine(machine: Machine, choice: Choice) -> str:
    memory = "memory unknown" if machine.memory_bytes is None else f"{_bytes(machine.memory_bytes)} free"
    limit = f" ({machine.limit})" if machine.limit else ""
    return f"{_count(machine.workers, 'worker')}, {memory}{limit}; each is expected to take {_bytes(choice.worker_bytes)}"


def _choice(choice: Choice) -> str:
    time = "" if choice.partition_s is None else f" of {_seconds(choice.partition_s)}"
    return (
        f"size {choice.rows:,} ({choice.reason}), max_size_mb {choice.size_mb}, in place of the recipe's: "
        f"about {_count(choice.partitions, 'partition')}{time}"
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _bytes(size: float) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size:.0f} bytes"


def _seconds(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1e3:.1f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} µs"
