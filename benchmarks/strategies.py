"""What checkpoints cost: each strategy against `disabled`, with one worker and with two."""

from __future__ import annotations

from benchmarks.bench import Bench, Ran, interleaved, recipe, run_job
from benchmarks.report import Measured

MEGABYTES_MAX = 36
STRATEGIES = {
    "disabled": {"strategy": "disabled"},
    "every_partition": {"strategy": "every_partition"},
    "every_n_ops (3)": {"strategy": "every_n_ops", "n_ops": 3},
    "manual (2)": {"strategy": "manual", "op_names": ["fix_unicode_mapper", "alphanumeric_filter"]},
    "every_op": {"strategy": "every_op"},
}
AT_MOST = {"every_partition": 1.03, "every_op": 1.15}


def measure(bench: Bench) -> list[Measured]:
    rows: list[Measured] = []
    for workers in (1, 2):
        variants = {name: lambda n=name, w=workers: _run(bench, n, w) for name in STRATEGIES}
        ran = interleaved(bench.repetitions, variants, bench.say)
        plain = ran.pop("disabled")
        for name, with_checkpoints in ran.items():
            for figure in ("cpu_s", "wall_s"):
                ratios = [
                    getattr(this, figure) / getattr(base, figure)
                    for this, base in zip(with_checkpoints, plain, strict=True)
                ]
                told = "CPU" if figure == "cpu_s" else "wall"
                rows.append(
                    Measured(
                        what=f"{name} against disabled, np {workers}, {told}",
                        values=ratios,
                        at_most=AT_MOST.get(name),
                    )
                )
    return rows


def _run(bench: Bench, strategy: str, workers: int) -> Ran:
    data = bench.data(min(bench.megabytes, MEGABYTES_MAX))
    with bench.scratch() as out:
        return run_job(recipe(data, out, np=workers, checkpoint=STRATEGIES[strategy]))
