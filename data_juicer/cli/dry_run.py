"""dj-process --dry_run: the plan of a run, what it would reuse, and what it would take; nothing is run or changed."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from data_juicer.cli.output import output_of
from data_juicer.clock import SystemClock
from data_juicer.config.config import load_config
from data_juicer.errors import ConfigError, InputError, StoreError, before_anything_is_begun
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
    from data_juicer.backends.ray.look import count_cpus
    from data_juicer.engine.forecast.forecast import foresee

    config = load_config(settings, os.environ)
    try:
        with before_anything_is_begun():
            forecast = foresee(open_store(*config.locations()), config, SystemClock(), count_cpus)
    except (InputError, StoreError) as error:  # found before anything is created, as ConfigError is
        raise ConfigError(str(error)) from error
    output_of(form).emit(forecast, lambda columns: _lines(forecast, columns))


def _lines(forecast: Forecast, columns: int) -> list[str]:
    lines = format_facts([*_plan(forecast), *_price(forecast)], columns)
    for cause in causes(forecast.reuse):
        lines += [
            "",
            *textwrap.wrap(
                format_cause(cause, forecast.reuse.operators),
                max(columns, _WIDTH_MIN),
                subsequent_indent="  ",
                break_on_hyphens=False,
            ),
        ]
    if forecast.estimate.operators:
        lines += ["", *_operators(forecast, columns)]
    return [*lines, "", "dry run: nothing was run or changed"]


def _plan(forecast: Forecast) -> list[Fact]:
    job = (
        "new"
        if forecast.is_new
        else "complete: a run would do nothing"
        if forecast.is_complete
        else "goes on"
    )
    folder = (
        f"{forecast.job_dir} ({job})"
        if forecast.is_named
        else f"{os.path.dirname(forecast.job_dir)} (a new job in it)"
    )
    whole = forecast.partitions_known + forecast.partitions_new
    about = "about " if forecast.partitions_new else ""
    done, begun = forecast.reuse.partitions_done, len(forecast.reuse.continued)
    reused = [f"{done:,} are done" if done else "", f"{begun:,} continue from a checkpoint" if begun else ""]
    reuse = ", ".join(filter(None, reused)) or "nothing is there to be reused"
    if forecast.is_complete:
        reuse = "all are done"
    return [
        Fact(name="job", text=folder),
        Fact(
            name="input",
            text=f"{plural(forecast.sources, 'file')}, {format_bytes(forecast.input_bytes)}, about {plural(forecast.rows, 'row')}",
        ),
        Fact(name="partitions", text=f"{about}{plural(whole, 'partition')}: {reuse}", is_prose=True),
        Fact(name="result", text=forecast.export_path),
        *(Fact(name="note", text=" ".join(notice.split()), is_prose=True) for notice in forecast.notices),
        *(
            Fact(name="warning", text=" ".join(warning.split()), is_prose=True)
            for warning in forecast.warnings
        ),
    ]


def _price(forecast: Forecast) -> list[Fact]:
    made = forecast.estimate
    workers = plural(forecast.workers, "worker")
    if made.low_s is None or made.high_s is None or forecast.costs is None:
        time = "not known: no operator could be measured on a sample"
        cost = []
    else:
        low, high = format_duration(made.low_s), format_duration(made.high_s)
        time = f"{low if low == high else f'{low} to {high}'} with {workers} ({forecast.workers_source})"
        amount = (
            ""
            if forecast.costs.amount is None
            else f": {format_amount(forecast.costs.amount, forecast.costs.currency)}"
        )
        cost = [Fact(name="cost", text=f"about {format_core_time(forecast.costs.core_hours)}{amount}")]
    free = f"; {format_bytes(forecast.free_bytes)} are free" if forecast.free_bytes is not None else ""
    disk = f"results about {format_bytes(made.result_bytes)}, checkpoints at most {format_bytes(made.checkpoint_bytes_max)}{free}"
    return [
        Fact(name="time", text=time, is_prose=True),
        *cost,
        Fact(name="disk", text=disk, is_prose=True),
        Fact(
            name="memory",
            text=f"about {format_bytes(forecast.worker_bytes)} a worker, {format_bytes(forecast.worker_bytes * forecast.workers)} for {workers}",
            is_prose=True,
        ),
    ]


def _operators(forecast: Forecast, columns: int) -> list[str]:
    """Each with the rows that are expected to reach it, its seconds, and the partitions that are reused."""
    reused = operator_reuse(forecast.reuse)
    rows = [
        [
            f"{number:>2} {each.name}",
            f"{each.rows:,}",
            "?" if each.seconds is None else f"{each.seconds:,.2f}",
            f"{reused[number - 1].partitions_reused:,}" if number <= len(reused) else "",
        ]
        for number, each in enumerate(forecast.estimate.operators, start=1)
    ]
    lines = format_table(["operator", "about rows", "core seconds", "partitions reused"], rows, columns)
    unmeasured = {each.name: each.unmeasured for each in forecast.estimate.operators if each.unmeasured}
    for name, why in unmeasured.items():
        lines += textwrap.wrap(
            f"?  {name}: not measured: {why}", max(columns, _WIDTH_MIN), subsequent_indent="   "
        )
    return [*lines, f"measured on {plural(forecast.sampled_rows, 'row')} of a sample"]
