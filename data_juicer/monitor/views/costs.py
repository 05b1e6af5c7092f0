"""What a job has taken: core-hours, bytes, and their price where the recipe sets one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from data_juicer.clock import parse_utc
from data_juicer.events.view import JobView
from data_juicer.job.summary import JobStatus
from data_juicer.monitor.views.amounts import format_bytes

_HOUR_S = 3600.0
_GB = 1e9
_SAMPLED_HOURS_MIN = 0.05
"""Below it, samples every few seconds say too little of how busy cores were."""


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """Section `cost` of the recipe."""

    core_hour: float = 0.0
    gb_read: float = 0.0
    gb_written: float = 0.0
    currency: str = ""

    @property
    def are_set(self) -> bool:
        return bool(self.core_hour or self.gb_read or self.gb_written)


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    core_hours: float
    """Workers times the time that runs took, whether they were busy or not: what is paid for."""
    cpu_hours: float
    """Of driver and workers, as far as they were sampled; 0 for runs of a few seconds."""
    read_bytes: int
    """Of the input, each time that an attempt read it."""
    written_bytes: int
    """Checkpoints and results of partitions; not the export."""
    amount: float | None = None
    """In the currency of the recipe; None where it sets no price."""
    currency: str = ""


def prices_of(config: Mapping[str, Any]) -> Prices:
    """Of the settings that a summary holds; nothing costs anything where they are damaged, or of an earlier version."""
    try:
        return msgspec.convert(config.get("cost", {}), Prices)
    except msgspec.ValidationError:
        return Prices()


def costs_of(view: JobView, prices: Prices, now: datetime, *, is_alive: bool) -> Costs:
    """What all runs of a job took until now; of one that was killed, until it was last heard of."""
    core_s = view.core_s
    if view.status is JobStatus.RUNNING and view.run_started is not None:
        end = now if is_alive else parse_utc(view.last_event)
        if end is not None:
            core_s += max(1, view.workers) * max(0.0, (end - view.run_started).total_seconds())
    return priced(
        prices,
        core_hours=core_s / _HOUR_S,
        cpu_hours=view.cpu_s / _HOUR_S,
        read_bytes=view.read_bytes,
        written_bytes=view.checkpoint_bytes + view.result_bytes,
    )


def priced(
    prices: Prices, *, core_hours: float, cpu_hours: float, read_bytes: int, written_bytes: int
) -> Costs:
    amount = (
        core_hours * prices.core_hour
        + read_bytes / _GB * prices.gb_read
        + written_bytes / _GB * prices.gb_written
    )
    return Costs(
        core_hours=core_hours,
        cpu_hours=cpu_hours,
        read_bytes=read_bytes,
        written_bytes=written_bytes,
        amount=amount if prices.are_set else None,
        currency=prices.currency,
    )


def format_costs(costs: Costs) -> str:
    """`1.25 core-hours, 2.1 GB read, 310 MB written: 0.12 EUR`."""
    is_sampled = costs.core_hours >= _SAMPLED_HOURS_MIN and costs.cpu_hours > 0
    busy = f" ({costs.cpu_hours / costs.core_hours:.0%} busy)" if is_sampled else ""
    text = (
        f"{format_core_time(costs.core_hours)}{busy}, {format_bytes(costs.read_bytes)} read, "
        f"{format_bytes(costs.written_bytes)} written"
    )
    return text if costs.amount is None else f"{text}: {format_amount(costs.amount, costs.currency)}"


def format_core_time(hours: float) -> str:
    """`2.5 core-hours`; `27 core-seconds` below a tenth of one."""
    return f"{format_hours(hours)} core-hours" if hours >= 0.1 else f"{hours * _HOUR_S:.3g} core-seconds"


def format_hours(hours: float) -> str:
    """Three digits, as far as there are."""
    return f"{hours:,.0f}" if hours >= 99.95 else f"{hours:,.1f}" if hours >= 9.995 else f"{hours:.3g}"


def format_amount(amount: float, currency: str) -> str:
    """To the hundredth, or two digits of less."""
    text = f"{amount:,.2f}" if amount >= 0.1 or amount == 0 else f"{amount:.2g}"
    return f"{text} {currency}".rstrip()
