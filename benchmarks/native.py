"""The kernels in C against those of numpy, operator by operator in whole recipes, in one run.

Each repetition goes through a recipe twice, once with each, over the same documents in batches of 1,000, in this process:
what an operator before another computed is shared as in a job, and every row is kept, so that both see the same rows.
CPU time; dataset operators summarise only. `python -m benchmarks native --repetitions 3`
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import msgspec

from benchmarks.bench import NINE_OPERATORS, ROOT, Bench
from benchmarks.operators import batches, set_model_folders
from benchmarks.report import Measured
from data_juicer.config.config import load_config
from data_juicer.errors import ConfigError
from data_juicer.kernels.native import loading
from data_juicer.ops.base import DatasetOperator, Filter, Mapper, Operator
from data_juicer.ops.catalog import registry
from data_juicer.ops.resources.language_model import find_language_model
from data_juicer.rows.batch import Batch

RECIPES = ("redpajama-cc-2019-30", "pile-hackernews", "redpajama-stackexchange", "alpaca-cot-en")
MINHASH = {"document_minhash_deduplicator": {"lowercase": True}}
COMPILED, NUMPY = "compiled", "numpy"
SHARE_MIN = 0.01
"""Operators that take less of a recipe have no row of their own."""


def measure(bench: Bench) -> list[Measured]:
    if loading.functions is None:
        bench.say(f"not measured: kernels: {loading.kernels_used}")
        return []
    set_model_folders()
    texts = [msgspec.json.decode(line)["text"] for line in bench.documents()][
        :: max(1, 40 // bench.megabytes)
    ]
    measured = []
    entries = {"nine operators, MinHash": [*NINE_OPERATORS, MINHASH]}
    entries |= {name: _recipe(name) for name in RECIPES}
    for name, process in entries.items():
        try:
            measured += _measured(bench, name, process, texts)
        except ConfigError as error:
            bench.say(f"{name} not measured: {error}")
    return measured


def _recipe(name: str) -> list[dict[str, dict[str, Any]]]:
    path = ROOT / "configs" / "recipes" / f"{name}.yaml"
    process = load_config(["--config", str(path)], dict(os.environ)).process
    return [{entry.name: dict(entry.params)} for entry in process]


def _measured(
    bench: Bench, name: str, process: list[dict[str, dict[str, Any]]], texts: list[str]
) -> list[Measured]:
    operators = {kernels: _ready(kernels, process) for kernels in (COMPILED, NUMPY)}
    spent: dict[str, list[list[float]]] = {COMPILED: [], NUMPY: []}
    for number in range(bench.repetitions + 1):
        for kernels, ready in operators.items():
            bench.say(f"{name}, {kernels}, {number} of {bench.repetitions}")
            with only(kernels):
                spent[kernels].append(_seconds(ready, texts))
    for runs in spent.values():
        del runs[0]  # in which tables are made
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    whole = {kernels: [sum(run) for run in runs] for kernels, runs in spent.items()}
    rows = [_row(f"{name}: all", megabytes, whole[NUMPY], whole[COMPILED])]
    for place, operator in enumerate(operators[NUMPY]):
        before, now = ([run[place] for run in spent[kernels]] for kernels in (NUMPY, COMPILED))
        if median(before) > SHARE_MIN * median(whole[NUMPY]):
            rows.append(_row(f"{name}: {operator.name}", megabytes, before, now))
    return rows


def _row(what: str, megabytes: float, before: list[float], now: list[float]) -> Measured:
    speeds = f"{megabytes / median(before):.1f} MB/s with numpy, {megabytes / median(now):.1f} compiled"
    return Measured(
        what=what, values=[one / other for one, other in zip(before, now, strict=True)], note=speeds
    )


@contextmanager
def only(kernels: str) -> Iterator[None]:
    """Within, only these kernels are used."""
    compiled = loading.functions
    loading.functions = compiled if kernels == COMPILED else None
    try:
        yield
    finally:
        loading.functions = compiled


def _ready(kernels: str, process: list[dict[str, dict[str, Any]]]) -> list[Operator]:
    with only(kernels):
        find_language_model.cache_clear()
        made = [registry.make(name, params) for entry in process for name, params in entry.items()]
        for operator in made:
            operator.prepare()
    return made


def _seconds(operators: list[Operator], texts: list[str]) -> list[float]:
    """CPU time of each operator over all texts."""
    spent = [0.0] * len(operators)
    for batch in batches(texts):
        batch.text("text")
        for place, operator in enumerate(operators):
            start = time.process_time()
            batch = _after(operator, batch)  # noqa: PLW2901 - the next operator sees what this one left
            spent[place] += time.process_time() - start
    return spent


def _after(operator: Operator, batch: Batch) -> Batch:
    if isinstance(operator, Filter):
        stats = operator.compute_stats(batch)
        operator.keep(stats)
        return batch.with_stats(stats)
    if isinstance(operator, Mapper):
        return operator.process(batch)
    assert isinstance(operator, DatasetOperator)
    operator.summarise(batch)
    return batch
