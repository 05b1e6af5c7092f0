"""Very many partitions: what a resume of a lost one takes, and what `dj-jobs show` takes, in CPU and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks import large_job
from benchmarks.bench import ROOT, Bench
from benchmarks.one_job import peak_bytes
from benchmarks.report import Measured

PARTITIONS = 100_000
LOST = 77_777


def measure(bench: Bench) -> list[Measured]:
    taken: dict[str, list[tuple[float, float]]] = {"resume": [], "show": []}
    with bench.scratch() as directory:
        bench.say(f"making a job of {PARTITIONS:,} partitions")
        layout = large_job.make(directory, PARTITIONS)
        _run("resume", directory)  # publishes it
        for _ in range(bench.repetitions):
            Path(layout.result_manifest(LOST)).unlink()
            Path(layout.summary).unlink()
            for what, figures in taken.items():
                bench.say(what)
                figures.append(_run(what, directory))
    limits = {"resume": (5.0, 200.0), "show": (2.0, 300.0)}
    rows = []
    for what, figures in taken.items():
        cpu_s, megabytes = limits[what]
        note = f"{PARTITIONS:,} partitions, nine operators"
        rows += [
            Measured(what=f"{what}", values=[s for s, _ in figures], unit="CPU s", at_most=cpu_s, note=note),
            Measured(
                what="  peak memory",
                values=[mb for _, mb in figures],
                unit="MB",
                at_most=megabytes,
                note=note,
            ),
        ]
    return rows


def _run(what: str, directory: Path) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.growth", what, str(directory)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    cpu_s, megabytes = json.loads(done.stdout.splitlines()[-1])
    return cpu_s, megabytes


def main() -> None:
    what, directory = sys.argv[1], Path(sys.argv[2])
    if what == "resume":
        from data_juicer import api
        from data_juicer.config.config import load_recipe

        api.run_config(load_recipe(large_job.settings(directory), {}, {}))
    else:
        from data_juicer.cli import jobs

        jobs.main(["show", large_job.JOB_ID, "--work_dir", str(directory / "jobs")])
    times = os.times()
    print(json.dumps([times.user + times.system, peak_bytes() / 1e6]))


if __name__ == "__main__":
    main()
