"""dj-process --dry_run: the plan of a run, what it would reuse, and what it would take; nothing is run or changed."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from data_juicer.cli.output import output_of
from data_juicer.clock import SystemClock
from data_juicer.config.config import load_config
from data_juicer.errors import ConfigError, InputError, StoreError
from data_juicer.monitor.closing import format_facts
from data_juicer.monitor.facts import Fact
from data_juicer.monitor.progress import format_duration
from data_juicer.monitor.table import format_table
from data_juicer.monitor.views.amounts import format_bytes, plural
from data_juicer.monitor.views.costs import format_amount, format_core_time
from data_juicer.monitor.views.reuse import causes, format_cause, operator_reuse
from data_juicer.storage import open_store

if TYPE_CHECKING:
    from data_juicer.cli.output import Format
    from data_juicer.engine.forecast.forecast import Forecast

_WIDTH_MIN: Final = 40


def run_dry(settings: Sequence[str], form: Format) -> None:
    """Raises: ConfigError: the recipe cannot be run."""
    from data_juicer.engine.forecast.forecast import foresee

    config = load_config(settings, os.environ)
    try:
        forecast = foresee(open_store(config.work_dir), config, SystemClock())
    except (InputError, StoreError) as error:  # found before anything is created, as ConfigError is
        raise ConfigError(str(error)) from error
    output_of(form).emit(forecast, lambda columns: _lines(forecast, columns))


def _lines(told: Forecast, columns: int) -> list[str]:
    lines = format_facts([*_plan(told), *_price(told)], columns)
    for cause in causes(told.reuse):
        lines += [
            "",
            *textwrap.wrap(
                format_cause(cause, told.reuse.operators),
                max(columns, _WIDTH_MIN),
                subsequent_indent="  ",
                break_on_hyphens=False,
            ),
        ]
    if told.estimate.operators:
        lines += ["", *_operators(told, columns)]
    return [*lines, "", "dry run: nothing was run or changed"]


def _plan(told: Forecast) -> list[Fact]:
    job = "new" if told.is_new else "complete: a run would do nothing" if told.is_complete else "goes on"
    folder = (
        f"{told.job_dir} ({job})" if told.is_named else f"{os.path.dirname(told.job_dir)} (a new job in it)"
    )
    whole = told.partitions_known + told.partitions_new
    about = "about " if told.partitions_new else ""
    done, begun = told.reuse.partitions_done, len(told.reuse.continued)
    reused = [f"{done:,} are done" if done else "", f"{begun:,} continue from a checkpoint" if begun else ""]
    reuse = ", ".join(filter(None, reused)) or "nothing is there to be reused"
    return [
        Fact(name="job", text=folder),
        Fact(
            name="input",
            text=f"{plural(told.sources, 'file')}, {format_bytes(told.input_bytes)}, about {plural(told.rows, 'row')}",
        ),
        Fact(name="partitions", text=f"{about}{plural(whole, 'partition')}: {reuse}", is_prose=True),
        Fact(name="result", text=told.export_path),
        *(Fact(name="note", text=" ".join(notice.split()), is_prose=True) for notice in told.notices),
        *(Fact(name="warning", text=" ".join(warning.split()), is_prose=True) for warning in told.warnings),
    ]


def _price(told: Forecast) -> list[Fact]:
    made = told.estimate
    workers = plural(told.workers, "worker")
    if made.low_s is None or made.high_s is None or told.costs is None:
        time = "not known: no operator could be measured on a sample"
        cost = []
    else:
        low, high = format_duration(made.low_s), format_duration(made.high_s)
        time = f"{low if low == high else f'{low} to {high}'} with {workers}"
        amount = (
            "" if told.costs.amount is None else f": {format_amount(told.costs.amount, told.costs.currency)}"
        )
        cost = [Fact(name="cost", text=f"about {format_core_time(told.costs.core_hours)}{amount}")]
    free = f"; {format_bytes(told.free_bytes)} are free" if told.free_bytes is not None else ""
    disk = f"results about {format_bytes(made.result_bytes)}, checkpoints at most {format_bytes(made.checkpoint_bytes_max)}{free}"
    return [
        Fact(name="time", text=time, is_prose=True),
        *cost,
        Fact(name="disk", text=disk, is_prose=True),
        Fact(
            name="memory",
            text=f"about {format_bytes(told.worker_bytes)} a worker, {format_bytes(told.worker_bytes * told.workers)} for {workers}",
            is_prose=True,
        ),
    ]


def _operators(told: Forecast, columns: int) -> list[str]:
    """Each with the rows that are expected to reach it, its seconds, and the partitions that are reused."""
    reused = operator_reuse(told.reuse)
    rows = [
        [
            f"{number:>2} {each.name}",
            f"{each.rows:,}",
            "?" if each.seconds is None else f"{each.seconds:,.2f}",
            f"{reused[number - 1].partitions_reused:,}" if number <= len(reused) else "",
        ]
        for number, each in enumerate(told.estimate.operators, start=1)
    ]
    lines = format_table(["operator", "about rows", "core seconds", "partitions reused"], rows, columns)
    unmeasured = {each.name: each.unmeasured for each in told.estimate.operators if each.unmeasured}
    for name, why in unmeasured.items():
        lines += textwrap.wrap(
            f"?  {name}: not measured: {why}", max(columns, _WIDTH_MIN), subsequent_indent="   "
        )
    return [*lines, f"measured on {plural(told.sampled_rows, 'row')} of a sample"]
