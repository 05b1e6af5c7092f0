"""The machinery against the bare operators: a job of the inline backend, and the same operators over prepared batches.

Bare is: each partition's text column already decoded, one batch a partition, operator after operator in a loop; no
reading, no checks, no counting, no writing. Both run in this process, without checkpoints.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.bench import NINE_OPERATORS, ROWS_A_PARTITION, Bench, recipe
from benchmarks.report import Measured
from data_juicer import api
from data_juicer.formats.base import FragmentLimits, SourceFile
from data_juicer.formats.discover import discover
from data_juicer.formats.jsonl.read import read_fragment
from data_juicer.formats.jsonl.scan import scan_plain
from data_juicer.ops.base import Filter, Mapper, Operator
from data_juicer.ops.catalog.registry import make
from data_juicer.rows.batch import Batch
from data_juicer.storage.posix import PosixStore

MEGABYTES_MAX = 36
SIZE_BYTES_MAX = 256_000_000


def measure(bench: Bench) -> list[Measured]:
    data = bench.data(min(bench.megabytes, MEGABYTES_MAX))
    operators = [make(name, parameters) for entry in NINE_OPERATORS for name, parameters in entry.items()]
    for operator in operators:
        operator.prepare()
    cpu, wall, shares = [], [], []
    for number in range(bench.repetitions):
        bench.say(f"bare and job, {number + 1} of {bench.repetitions}")
        batches = list(prepared(data))  # anew: a batch keeps what operators computed of it
        bare_cpu, bare_wall = timed(partial(run_bare, operators, batches))
        with bench.scratch() as out:
            job_cpu, job_wall = timed(partial(api.run, recipe(data, out, executor_type="inline")))
        cpu.append(job_cpu / bare_cpu)
        wall.append(job_wall / bare_wall)
        shares.append((job_cpu - bare_cpu) / len(batches) * 1000)
    what = "machinery against bare operators"
    return [
        Measured(what=f"{what}, CPU", values=cpu, at_most=1.10, note="inline, disabled, nine operators"),
        Measured(
            what=f"{what}, wall", values=wall, at_most=1.10, note="with scan, reading, export and syncs"
        ),
        Measured(
            what=f"machinery a partition of {ROWS_A_PARTITION:,} rows", values=shares, unit="ms", note="CPU"
        ),
    ]


def source_of(data: Path) -> SourceFile:
    return discover(PosixStore(), (str(data),), ())[0]


def prepared(data: Path) -> Iterator[Batch]:
    """One batch a partition, its text decoded."""
    limits = FragmentLimits(rows_max=ROWS_A_PARTITION, size_bytes_max=SIZE_BYTES_MAX)
    for fragment in scan_plain(PosixStore(), source_of(data), limits):
        batch = read_fragment(PosixStore(), str(data), fragment, ("text",)).batch
        batch.text("text")
        yield batch


def run_bare(operators: list[Operator], batches: list[Batch]) -> None:
    for batch in batches:
        after = batch
        for operator in operators:
            if isinstance(operator, Filter):
                stats = operator.compute_stats(after)
                after = after.with_stats(stats).select(operator.keep(stats))
            elif isinstance(operator, Mapper):
                after = operator.process(after)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall seconds of this process."""
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu_s, time.perf_counter() - wall_s
