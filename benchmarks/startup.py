"""From typing a command to its end: help, ten rows, and a job that was complete already."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.bench import NINE_OPERATORS, ROOT, Bench, recipe
from benchmarks.report import Measured

ROWS = 10
COMMAND = Path(sys.executable).parent / "dj-process"


def measure(bench: Bench) -> list[Measured]:
    rows, again, helps, cpu = [], [], [], []
    for number in range(bench.repetitions + 2):
        bench.say(f"start-up, {number + 1} of {bench.repetitions + 2}")
        with bench.scratch() as scratch:
            config = _write_recipe(bench, scratch)
            helps.append(_seconds([str(COMMAND), "--help"], scratch))
            before_s = _children_cpu_s()
            rows.append(_seconds([str(COMMAND), "--config", config], scratch))
            cpu.append(_children_cpu_s() - before_s)
            again.append(_seconds([str(COMMAND), "--config", config, "--job_id", "ten"], scratch))
    return [
        Measured(what="dj-process --help", values=helps, unit="s", at_most=0.4),
        Measured(
            what="ten rows, from command to result", values=rows, unit="s", at_most=1.0, note="nine operators"
        ),
        Measured(what="resume of a completed job, ten rows", values=again, unit="s", at_most=1.5),
    ]


def _write_recipe(bench: Bench, scratch: Path) -> str:
    data = scratch / "ten.jsonl"
    data.write_bytes(b"".join(bench.documents()[:ROWS]))
    settings = recipe(data, scratch, NINE_OPERATORS, job_id="ten", np=os.cpu_count() or 1)
    path = scratch / "ten.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
    return str(path)


def _seconds(command: list[str], directory: Path) -> float:
    started_s = time.perf_counter()
    subprocess.run(
        command, cwd=directory, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    return time.perf_counter() - started_s


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
