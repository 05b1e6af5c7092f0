"""One worker process against two over the same input: throughput from start to export."""

from __future__ import annotations

from benchmarks.bench import Bench, Ran, interleaved, recipe, run_job
from benchmarks.report import Measured


def measure(bench: Bench) -> list[Measured]:
    variants = {f"np {workers}": lambda w=workers: _run(bench, w) for workers in (1, 2)}
    one, two = interleaved(bench.repetitions, variants, bench.say).values()
    ratios = [single.wall_s / double.wall_s for single, double in zip(one, two, strict=True)]
    megabytes = [bench.megabytes / ran.wall_s for ran in two]
    return [
        Measured(
            what="two workers against one", values=ratios, at_least=1.85, note=f"{bench.megabytes} MB, wall"
        ),
        Measured(what="  nine operators, two workers", values=megabytes, unit="MB/s", note="of JSON Lines"),
    ]


def _run(bench: Bench, workers: int) -> Ran:
    with bench.scratch() as out:
        return run_job(recipe(bench.data(bench.megabytes), out, np=workers))
