"""Peak memory of driver and worker at two sizes of input; 10 GB, which the design names, is beyond a short run.

The largest resident set (VmHWM). Few operators, since what grows with the input is the machinery.
"""

from __future__ import annotations

from benchmarks.bench import Bench, Ran, recipe, run_job
from benchmarks.report import Measured

TIMES = 5
PROCESS = [{"whitespace_normalization_mapper": {}}, {"text_length_filter": {"min_len": 50}}]


def measure(bench: Bench) -> list[Measured]:
    small, large = bench.megabytes, bench.megabytes * TIMES
    at_small, at_large = (_run(bench, size) for size in (small, large))
    rows = []
    for who in ("driver", "worker"):
        before, after = (getattr(ran, f"{who}_peak_bytes") for ran in (at_small, at_large))
        rows.append(
            Measured(
                what=f"peak memory of {who}, {large} MB against {small} MB",
                values=[after / before],
                at_most=1.10,
                note=f"{before / 1e6:.0f} and {after / 1e6:.0f} MB; np 2, every_op",
            )
        )
    return rows


def _run(bench: Bench, megabytes: int) -> Ran:
    bench.say(f"{megabytes} MB")
    data = bench.data(megabytes)
    with bench.scratch() as out:
        ran = run_job(recipe(data, out, PROCESS, np=2, checkpoint={"strategy": "every_op"}))
    if megabytes != bench.megabytes:
        data.unlink()
    return ran
