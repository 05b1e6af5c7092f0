"""The Ray backend beside local workers: throughput, start-up, cost of a partition, memory of the driver.

A cluster of this machine, started and stopped by each job.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.bench import Bench, Ran, interleaved, recipe, run_job
from benchmarks.report import Measured

MEGABYTES = (80, 240)
"""The smaller job has completed all of the start-up, also what Ray's own processes go on with after the first row."""
WORKERS = 2
PARTITIONS = {"few": 1_000, "many": 100_000}
MEMORY = Path("/dev/shm")  # on a disk each commit would wait for syncs, for both alike
BACKENDS = {
    "local": {"executor_type": "local"},
    "ray": {"executor_type": "ray_partitioned", "ray_address": "local"},
}


def measure(bench: Bench) -> list[Measured]:
    if importlib.util.find_spec("ray") is None:
        bench.say("Ray is not installed")
        return []
    return [*_throughput(bench), *_machinery(bench)]


def _throughput(bench: Bench) -> list[Measured]:
    """What the same job takes longer when it is larger is work; start-up is what is left of the small one.

    Medians are taken before they are subtracted: pair by pair, the noise of four runs goes into each difference.
    """
    small, large = MEGABYTES
    variants = {
        f"{backend} {size}": lambda b=backend, m=size: _nine_operators(bench, b, m)
        for backend in BACKENDS
        for size in MEGABYTES
    }
    ran = interleaved(bench.repetitions, variants, bench.say)
    speeds, starts, costs = {}, {}, {}
    for backend in BACKENDS:
        less, more = ran[f"{backend} {small}"], ran[f"{backend} {large}"]
        small_s = median(each.wall_s for each in less)
        speeds[backend] = (large - small) / (median(each.wall_s for each in more) - small_s)
        starts[backend] = small_s - small / speeds[backend]
        cpu_s = median(each.tree_s for each in more) - median(each.tree_s for each in less)
        costs[backend] = cpu_s / (large - small) * 1000
    ratio, thrift = speeds["ray"] / speeds["local"], costs["local"] / costs["ray"]
    note = f"medians; nine operators, {large} against {small} MB, np {WORKERS}, start-up aside"
    return [
        Measured(what="ray against local, throughput", values=[ratio], at_least=0.9, note=f"wall; {note}"),
        Measured(
            what="ray against local, work a CPU second",
            values=[thrift],
            at_least=0.9,
            note="medians; all processes",
        ),
        *(Measured(what=f"  {backend}", values=[speeds[backend]], unit="MB/s") for backend in BACKENDS),
        *(Measured(what=f"  {backend}, CPU", values=[costs[backend]], unit="ms/MB") for backend in BACKENDS),
        *(
            Measured(what=f"  {backend}, start-up and end", values=[starts[backend]], unit="s")
            for backend in BACKENDS
        ),
    ]


def _machinery(bench: Bench) -> list[Measured]:
    """Partitions of one row and no operator, in memory where the machine has room there: what is left is the machinery."""
    rows = []
    for backend in BACKENDS:
        bench.say(f"{backend}, {PARTITIONS['few']:,} partitions of one row")
        few = _no_operator(bench, backend, PARTITIONS["few"])
        bench.say(f"{backend}, {PARTITIONS['many']:,} partitions of one row")
        many = _no_operator(bench, backend, PARTITIONS["many"])
        more = PARTITIONS["many"] - PARTITIONS["few"]
        rows += [
            Measured(
                what=f"{backend}, wall time a partition without work",
                values=[(many.wall_s - few.wall_s) / more * 1000],
                unit="ms",
                note=f"np {WORKERS}, with its commit",
            ),
            Measured(
                what=f"{backend}, memory of the driver, {PARTITIONS['many']:,} partitions",
                values=[many.driver_peak_bytes / 1e6],
                unit="MB",
                note=f"{few.driver_peak_bytes / 1e6:.0f} MB with {PARTITIONS['few']:,}",
            ),
        ]
    return rows


def _nine_operators(bench: Bench, backend: str, megabytes: int) -> Ran:
    with bench.scratch() as out:
        return run_job(recipe(bench.data(megabytes), out, np=WORKERS, **BACKENDS[backend]))


def _no_operator(bench: Bench, backend: str, partitions: int) -> Ran:
    with TemporaryDirectory(dir=MEMORY if MEMORY.exists() else bench.directory) as directory:
        out = Path(directory)
        settings = recipe(_short_rows(out, partitions), out, [], np=WORKERS, **BACKENDS[backend])
        return run_job({**settings, "partition": {"size": 1}})


def _short_rows(directory: Path, count: int) -> Path:
    path = directory / "in.jsonl"
    path.write_text(
        "".join(json.dumps({"text": f"row {row}"}) + "\n" for row in range(count)), encoding="utf-8"
    )
    return path
