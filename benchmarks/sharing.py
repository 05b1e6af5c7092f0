"""What operators save by sharing: those of the recipe redpajama-cc together, against the sum of each alone.

Each operator alone is given the rows that it has in the recipe, with nothing that operators before it left.
CPU time of this process, without reading, checkpoints and the deduplicator, which needs all rows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import msgspec

from benchmarks import operators as alone
from benchmarks.bench import ROOT, Bench
from benchmarks.report import Measured
from data_juicer.config.config import load_config
from data_juicer.errors import ConfigError
from data_juicer.ops.base import Filter, Mapper, Operator
from data_juicer.ops.catalog import registry
from data_juicer.rows.batch import Batch

RECIPE = ROOT / "configs" / "recipes" / "redpajama-cc.yaml"
DOCUMENTS_MAX = 6000


def measure(bench: Bench) -> list[Measured]:
    alone.set_model_folders()
    try:
        operators = recipe_operators()
    except ConfigError as error:
        bench.say(f"not measured: {error}")
        return []
    batches = list(alone.batches(alone.documents()[:DOCUMENTS_MAX]))
    apart_s, together_s = [], []
    for number in range(bench.repetitions + 1):
        bench.say(f"together and each alone, {number} of {bench.repetitions}")
        apart_s.append(sum(_seconds_apart(operators, batch) for batch in batches))
        together_s.append(sum(_seconds_together(operators, batch) for batch in batches))
    apart_s, together_s = apart_s[1:], together_s[1:]  # the first time tables are made
    gains = [apart / together for apart, together in zip(apart_s, together_s, strict=True)]
    note = f"{len(operators)} operators; {min(apart_s):.2f} s each alone, {min(together_s):.2f} s together"
    return [
        Measured(
            what="redpajama-cc, sum of each operator alone against all together", values=gains, note=note
        )
    ]


def recipe_operators() -> list[Operator]:
    """The operators of the recipe that work on a partition alone, ready. Raises: ConfigError: a model is missing."""
    entries = load_config(["--config", str(RECIPE)], dict(os.environ)).process
    operators = [registry.make(entry.name, entry.params) for entry in entries]
    local = [operator for operator in operators if operator.scope == "partition"]
    for operator in local:
        operator.prepare()
    return local


def _after(operator: Operator, batch: Batch) -> Batch:
    if isinstance(operator, Filter):
        stats = operator.compute_stats(batch)
        return batch.with_stats(stats).select(operator.keep(stats))
    assert isinstance(operator, Mapper)
    return operator.process(batch)


def _bare(batch: Batch) -> Batch:
    """The batch without what operators shared, its text decoded."""
    bare = msgspec.structs.replace(batch, cache={})
    bare.text("text")
    return bare


def _seconds_apart(operators: list[Operator], batch: Batch) -> float:
    seconds = 0.0
    for operator in operators:
        batch = _bare(batch)
        made, spent = _timed(lambda operator=operator, batch=batch: _after(operator, batch))
        seconds += spent
        batch = made
    return seconds


def _seconds_together(operators: list[Operator], batch: Batch) -> float:
    batch = _bare(batch)

    def run() -> Batch:
        after = batch
        for operator in operators:
            after = _after(operator, after)
        return after

    return _timed(run)[1]


def _timed(work: Callable[[], Batch]) -> tuple[Batch, float]:
    start = time.process_time()
    made = work()
    return made, time.process_time() - start
