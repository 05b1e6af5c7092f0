"""What a partition costs beside its rows: tiny partitions, one operator that keeps everything, local backend.

The difference between many and few partitions is taken, so that start and end of a job fall out.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.bench import Bench, Ran, interleaved, recipe, run_job
from benchmarks.report import Measured

FEW, MANY = 200, 1200
NOTHING = [{"text_length_filter": {"min_len": 0}}]


def measure(bench: Bench) -> list[Measured]:
    with bench.scratch() as scratch:
        variants = {f"{count} tiny partitions": lambda c=count: _run(scratch, c) for count in (FEW, MANY)}
        few, many = interleaved(bench.repetitions, variants, bench.say).values()
    pairs = list(zip(few, many, strict=True))

    def a_partition(name: str) -> list[float]:
        return [(getattr(long, name) - getattr(short, name)) / (MANY - FEW) * 1000 for short, long in pairs]

    both = a_partition("cpu_s")
    return [
        Measured(
            what="a partition beside its rows, driver and worker",
            values=both,
            unit="ms",
            at_most=2.0,
            note="CPU",
        ),
        Measured(what="  of which driver", values=a_partition("driver_s"), unit="ms", note="CPU"),
        Measured(what="  of which worker", values=a_partition("workers_s"), unit="ms", note="CPU"),
        Measured(
            what="  from one partition to the next",
            values=a_partition("wall_s"),
            unit="ms",
            note="wall, with syncs",
        ),
    ]


def _run(scratch: Path, partitions: int) -> Ran:
    data = scratch / f"{partitions}.jsonl"
    data.write_text(
        "".join(json.dumps({"text": f"row {i}"}) + "\n" for i in range(partitions)), encoding="utf-8"
    )
    settings = recipe(data, scratch / "out", NOTHING, partition={"size": 1})
    return run_job(settings)
