"""Whole jobs: the nine operators and four published recipes, np 1, CPU of driver and worker; and the nine with two workers, by the clock.

A recipe whose models or packages are not here is named and left out. The same input for all; checkpoints only where a row says so.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import operators
from benchmarks.bench import NINE_OPERATORS, ROOT, Bench, Ran, interleaved, recipe, run_job
from benchmarks.report import Measured
from data_juicer.config.config import load_config

PUBLISHED = ("redpajama-cc", "pile-hackernews", "redpajama-stackexchange", "alpaca-cot-en")
MEGABYTES_MAX = 35
"""As much as the development data; more would be the same documents again, which deduplicators drop."""


def measure(bench: Bench) -> list[Measured]:
    operators.set_model_folders()
    data = bench.data(min(bench.megabytes, MEGABYTES_MAX))
    megabytes = data.stat().st_size / 1e6
    rows = _nine(bench, data, megabytes)
    for name in PUBLISHED:
        try:
            seconds = [_run(bench, data, _operators(name)).cpu_s for _ in range(bench.repetitions)]
        except RuntimeError as error:
            bench.say(f"{name} not measured: {str(error).strip().splitlines()[-1]}")
            continue
        rows.append(Measured(what=f"{name}, np 1", values=seconds, unit="CPU s", note=f"{megabytes:.0f} MB"))
    return rows


def _nine(bench: Bench, data: Path, megabytes: float) -> list[Measured]:
    every_op = {"checkpoint": {"strategy": "every_op"}}
    variants = {
        "np 1": lambda: _run(bench, data, NINE_OPERATORS),
        "np 2": lambda: _run(bench, data, NINE_OPERATORS, np=2),
        "np 1, every_op": lambda: _run(bench, data, NINE_OPERATORS, **every_op),
        "np 2, every_op": lambda: _run(bench, data, NINE_OPERATORS, np=2, **every_op),
    }
    ran = interleaved(bench.repetitions, variants, bench.say)
    note = f"{megabytes:.0f} MB"
    rows = []
    for name, runs in ran.items():
        rows.append(_row(f"nine operators, {name}: CPU", [run.cpu_s for run in runs], "CPU s", note))
        rows.append(_row(f"nine operators, {name}: wall", [run.wall_s for run in runs], "s", note))
    return rows


def _row(what: str, values: Sequence[float], unit: str, note: str) -> Measured:
    return Measured(what=what, values=values, unit=unit, note=note)


def _operators(name: str) -> list[dict[str, dict[str, Any]]]:
    path = ROOT / "configs" / "recipes" / f"{name}.yaml"
    config = load_config(["--config", str(path)], dict(os.environ))
    return [{entry.name: dict(entry.params)} for entry in config.process]


def _run(bench: Bench, data: Path, process: Sequence[dict[str, Any]], **settings: Any) -> Ran:
    with bench.scratch() as out:
        return run_job(recipe(data, out, process, **settings))
