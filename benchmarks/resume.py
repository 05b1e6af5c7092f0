"""Going on: a job that is complete, and one that was stopped half-way, against the work that was left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.bench import ROWS_A_PARTITION, Bench, recipe, run_job
from benchmarks.report import Measured

MEGABYTES_MAX = 72


def measure(bench: Bench) -> list[Measured]:
    data = bench.data(min(bench.megabytes, MEGABYTES_MAX))
    lines = data.read_bytes().count(b"\n")
    partitions = -(-lines // ROWS_A_PARTITION)
    complete, beyond = [], []
    for number in range(bench.repetitions):
        bench.say(f"whole, half, resumed, {number + 1} of {bench.repetitions}")
        with bench.scratch() as out:
            whole = run_job(_settings(data, out / "whole"))
            complete.append(run_job(_settings(data, out / "whole")).wall_s)
            half = run_job(_settings(data, out / "half"), stop_after=partitions // 2)
            resumed = run_job(_settings(data, out / "half"))
            left = 1 - half.partitions_done / partitions
            beyond.append(resumed.wall_s - left * whole.wall_s)
    return [
        Measured(
            what=f"resume of a completed job, {partitions} partitions",
            values=complete,
            unit="s",
            at_most=1.5,
            note="wall, every_op, np 2",
        ),
        Measured(
            what="resume of a half-done job beyond the work left",
            values=beyond,
            unit="s",
            at_most=1.5,
            note="the share of partitions left x the whole job",
        ),
    ]


def _settings(data: Path, out: Path) -> dict[str, Any]:
    return recipe(data, out, np=2, job_id="resumed", checkpoint={"strategy": "every_op"})
