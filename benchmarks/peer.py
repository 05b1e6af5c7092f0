"""Against py-data-juicer: rows per CPU second of the nine operators over the same 5,000 documents, start-up aside.

Where an environment with py-data-juicer 1.6.1 is named by PEER_PYTHON, its default executor is run, and the difference
between 5,000 rows and 500 is taken on both sides, so that start-up falls out. Otherwise the recorded seconds of its
operators alone (`peer_speed.csv`, texts cut to 2,000 letters, another machine) give the order of magnitude.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.bench import NINE_OPERATORS, SHARED, Bench, recipe, run_job
from benchmarks.report import Measured

RECORDED = SHARED.parents[1] / "golden" / "peer_speed.csv"
FEW, MANY = 500, 5000
CHARACTERS_MAX = 2000
AT_LEAST = 10.0
WHAT = "rows per CPU second against py-data-juicer 1.6.1, default"


def measure(bench: Bench) -> list[Measured]:
    python = os.environ.get("PEER_PYTHON")
    if python:
        return _against_installed(bench, python)
    return _against_recorded(bench) if RECORDED.exists() else []


def _against_installed(bench: Bench, python: str) -> list[Measured]:
    ratios, ours, theirs = [], [], []
    with bench.scratch() as scratch:
        few, many = (_sample(bench, scratch, rows) for rows in (FEW, MANY))
        for number in range(bench.repetitions):
            bench.say(f"both, {number + 1} of {bench.repetitions}")
            ours.append((MANY - FEW) / (_our_cpu_s(bench, many) - _our_cpu_s(bench, few)))
            theirs.append((MANY - FEW) / (_their_cpu_s(python, many) - _their_cpu_s(python, few)))
            ratios.append(ours[-1] / theirs[-1])
    return [
        Measured(what=WHAT, values=ratios, at_least=AT_LEAST, note=f"first {MANY:,} rows, whole texts, np 1"),
        Measured(what="  data_juicer", values=ours, unit="rows/s"),
        Measured(what="  py-data-juicer", values=theirs, unit="rows/s"),
    ]


def _against_recorded(bench: Bench) -> list[Measured]:
    wanted = {name for entry in NINE_OPERATORS for name in entry}
    with RECORDED.open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["op"] in wanted]
    theirs = 1 / sum(float(row["cpu_s_median"]) / int(row["docs"]) for row in rows)
    with bench.scratch() as scratch:
        few, many = (_sample(bench, scratch, rows, CHARACTERS_MAX) for rows in (FEW, MANY))
        pairs = [(_our_cpu_s(bench, few), _our_cpu_s(bench, many)) for _ in range(bench.repetitions)]
    ratios = [(MANY - FEW) / (large - small) / theirs for small, large in pairs]
    note = "order of magnitude: its recorded operators alone"
    return [Measured(what=WHAT, values=ratios, at_least=AT_LEAST, note=note)]


def _sample(bench: Bench, scratch: Path, rows: int, characters_max: int | None = None) -> Path:
    path = scratch / f"{rows}.jsonl"
    lines = bench.documents()[:rows]
    if characters_max is not None:
        texts = [json.loads(line)["text"][:characters_max] for line in lines]
        lines = [json.dumps({"text": text}).encode() + b"\n" for text in texts]
    path.write_bytes(b"".join(lines))
    return path


def _our_cpu_s(bench: Bench, data: Path) -> float:
    with bench.scratch() as out:
        return run_job(recipe(data, out)).cpu_s


def _their_cpu_s(python: str, data: Path) -> float:
    """CPU of its process and of all that it started."""
    settings: dict[str, Any] = {
        "project_name": "bench",
        "dataset_path": str(data),
        "export_path": str(data.parent / "peer" / "out.jsonl"),
        "np": 1,
        "use_cache": False,
        "process": NINE_OPERATORS,
    }
    config = data.with_suffix(".yaml")
    config.write_text(json.dumps(settings), encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [str(Path(python).parent / "dj-process"), "--config", str(config)]
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(command, cwd=data.parent, check=True, capture_output=True, env=surroundings)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
