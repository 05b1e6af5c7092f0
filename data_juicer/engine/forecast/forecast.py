"""A dry run: what a recipe would do, reuse and take; nothing is changed on a disk, the cache of measurements included."""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from data_juicer.clock import Clock
from data_juicer.config.schema import JobConfig, usable_cores
from data_juicer.engine.autoconfig.choice import Machine, choose
from data_juicer.engine.autoconfig.configure import COSTS_DIR
from data_juicer.engine.autoconfig.machine import free_bytes
from data_juicer.engine.autoconfig.measure import measure_operators
from data_juicer.engine.autoconfig.sample import take_sample
from data_juicer.engine.forecast.estimate import Estimate, estimate
from data_juicer.engine.forecast.reuse import find_reuse
from data_juicer.engine.lifecycle.build_setup import row_bytes_max
from data_juicer.engine.lifecycle.wanted import check_input, find_done, find_wanted
from data_juicer.monitor.views.costs import Costs, priced, prices_of
from data_juicer.monitor.views.reuse import operator_reuse
from data_juicer.plan.resume.report import ResumeReport
from data_juicer.storage.base import Store


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    job_id: str
    job_dir: str
    is_named: bool
    """The recipe says which job it is; else a run draws an id."""
    is_new: bool
    is_complete: bool
    """The job is complete as it is wanted: a run would do nothing."""
    sources: int
    input_bytes: int
    """Of the files, packed ones as they are."""
    rows: int
    """About how many."""
    partitions_known: int
    """Those that an earlier run cut, of sources that are unchanged."""
    partitions_new: int
    """About how many more there will be."""
    workers: int
    workers_source: str
    """Why so many."""
    reuse: ResumeReport
    estimate: Estimate
    worker_bytes: int
    """Memory that a worker is expected to take."""
    free_bytes: int | None
    """On the disk of the job."""
    sampled_rows: int
    costs: Costs | None
    """None where no operator was measured."""
    export_path: str
    notices: tuple[str, ...]
    warnings: tuple[str, ...]


def foresee(
    store: Store,
    config: JobConfig,
    clock: Clock,
    count_cluster_cpus: Callable[[str], int | None],
    heartbeat: Callable[[str], None] = lambda _: None,
) -> Forecast:
    """
    Args:
        count_cluster_cpus: address -> CPUs of the Ray cluster that runs there; None where none does.
    Raises: ConfigError, InputError: the recipe cannot be run.
    """
    is_named = config.job_id is not None
    wanted = find_wanted(config, store, clock)
    config, layout = wanted.config, wanted.layout
    check_input(store, wanted)
    reuse = find_reuse(store, wanted)
    text_keys = tuple(dict.fromkeys((*config.text_keys, *reuse.setup.text_keys)))
    sample = take_sample(store, wanted.sources, text_keys, row_bytes_max(config), config.seed, heartbeat)
    costs_dir = os.path.join(os.path.dirname(layout.job_dir), COSTS_DIR)
    measured = measure_operators(store, costs_dir, reuse.setup, sample, heartbeat, keeps=False)
    workers, workers_source = _workers(config, count_cluster_cpus)
    machine = Machine(workers=workers, memory_bytes=free_bytes(store))
    choice = choose(sample.stats, measured.cost, machine, sample.rows_total)
    size = choice.rows if config.partition.auto_configure else config.partition.size
    rows_known = sum(spec.rows for spec in reuse.partitions)
    rows_new = max(0, sample.rows_total - rows_known) if reuse.unknown else 0
    partitions_new = max(len(reuse.unknown), -(-rows_new // max(1, size))) if reuse.unknown else 0
    made = estimate(
        [operator.name for operator in wanted.operators],
        measured.operators,
        rows=rows_known + rows_new,
        row_bytes=sample.stats.row_bytes.mean,
        computed=_computed(reuse.report, rows_known, rows_new),
        workers=workers,
        saved=len(reuse.setup.checkpoint_after),
    )
    return Forecast(
        job_id=layout.job_id,
        job_dir=layout.job_dir,
        is_named=is_named,
        is_new=not store.exists(layout.summary),
        is_complete=find_done(store, wanted) is not None,
        sources=len(wanted.sources),
        input_bytes=sum(source.size_bytes for source in wanted.sources),
        rows=rows_known + rows_new,
        partitions_known=len(reuse.partitions),
        partitions_new=partitions_new,
        workers=workers,
        workers_source=workers_source,
        reuse=reuse.report,
        estimate=made,
        worker_bytes=choice.worker_bytes,
        free_bytes=store.free_bytes(layout.job_dir),
        sampled_rows=sample.stats.rows,
        costs=_costs(config, made, round((rows_known + rows_new) * sample.stats.row_bytes.mean)),
        export_path=wanted.export_path,
        notices=wanted.notices,
        warnings=wanted.warnings,
    )


def _workers(config: JobConfig, count_cluster_cpus: Callable[[str], int | None]) -> tuple[int, str]:
    """How many workers a run would have, and where the number is from."""
    if config.executor_type == "inline":
        return 1, "executor_type: inline"
    whence = ""
    if config.executor_type in {"ray", "ray_partitioned"}:
        cpus = count_cluster_cpus(config.ray_address)
        if cpus:
            workers = min(cpus, config.np or cpus)
            return (
                workers,
                "np"
                if workers == config.np
                else f"the CPUs of the Ray cluster, ray_address: {config.ray_address}",
            )
        whence = "; no Ray cluster was reached"
    return (config.np, f"np{whence}") if config.np else (usable_cores(), f"the cores of this machine{whence}")


def _costs(config: JobConfig, made: Estimate, read_bytes: int) -> Costs | None:
    if made.core_hours is None:
        return None
    return priced(
        prices_of({"cost": msgspec.to_builtins(config.cost)}),
        core_hours=made.core_hours,
        cpu_hours=0.0,
        read_bytes=read_bytes,
        written_bytes=made.result_bytes + made.checkpoint_bytes_max,
    )


def _computed(report: ResumeReport, rows_known: int, rows_new: int) -> list[float]:
    """For each operator the share of rows that it has to be applied to."""
    whole = rows_known + rows_new
    shares = []
    for each in operator_reuse(report):
        partitions = each.partitions_reused + each.partitions_computed
        again = rows_known * each.partitions_computed / partitions if partitions else 0.0
        shares.append((again + rows_new) / whole if whole else 0.0)
    return shares
