"""Other programs over the same documents: datatrove 0.10.1 (MinHash, Gopher and C4 filters) and rensa (signatures), CPU seconds.

PEER_PYTHON names the interpreter of an environment that holds them; what it does not hold is named and left out. Their side leaves
out what they load at first; ours is a whole job, its start included, or for signatures the operator alone. The nearest operators of ours are no
copies of those filters: what is compared is the work of reading, judging and writing the same texts. `peer` has py-data-juicer.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks import operators
from benchmarks.bench import Bench, recipe, run_job
from benchmarks.peer_programs import BANDS, ROWS_A_BAND, SIGNATURE, WORDS_A_SHINGLE
from benchmarks.report import Measured
from data_juicer.ops.base import DatasetOperator
from data_juicer.ops.catalog import registry

PROGRAM: Final = Path(__file__).with_name("peer_programs.py")
MEGABYTES_MAX: Final = 10
"""Beyond this the others take minutes."""
MINHASH: Final = {
    "tokenization": "space",
    "window_size": WORDS_A_SHINGLE,
    "lowercase": True,
    "num_permutations": BANDS * ROWS_A_BAND,
    "num_bands": BANDS,
    "num_rows_per_band": ROWS_A_BAND,
}
GOPHER: Final[list[Any]] = [
    {"words_num_filter": {"min_num": 50, "max_num": 100_000}},
    {"average_line_length_filter": {}},
    {"special_characters_filter": {"max_ratio": 0.1}},
    {"alphanumeric_filter": {"tokenization": False, "min_ratio": 0.8}},
    {"stopwords_filter": {"tokenization": False, "min_ratio": 0.01}},
    {"word_repetition_filter": {"tokenization": False, "rep_len": 10}},
    {"character_repetition_filter": {}},
]
C4: Final[list[Any]] = [
    {"words_num_filter": {"min_num": 15}},
    {"maximum_line_length_filter": {}},
    {"flagged_words_filter": {"tokenization": False}},
    {"remove_words_with_incorrect_substrings_mapper": {"substrings": ["javascript", "lorem ipsum", "{"]}},
]


def measure(bench: Bench) -> list[Measured]:
    python = os.environ.get("PEER_PYTHON")
    if not python:
        bench.say("PEER_PYTHON names no interpreter; nothing to compare with")
        return []
    operators.set_model_folders()
    data = bench.data(min(bench.megabytes, MEGABYTES_MAX))
    ours: dict[str, Callable[[], float]] = {
        "datatrove_minhash": lambda: _job(bench, data, [{"document_minhash_deduplicator": MINHASH}]),
        "datatrove_gopher": lambda: _job(bench, data, GOPHER),
        "datatrove_c4": lambda: _job(bench, data, C4),
        "rensa_signatures": lambda: _signatures(data),
    }
    rows = []
    for program, run in ours.items():
        rows += _compared(bench, python, program, data, run)
    return rows


def _compared(
    bench: Bench, python: str, program: str, data: Path, ours: Callable[[], float]
) -> list[Measured]:
    pairs = []
    for number in range(bench.repetitions):
        bench.say(f"{program} and ours, {number + 1} of {bench.repetitions}")
        try:
            pairs.append((_theirs(bench, python, program, data), ours()))
        except (subprocess.CalledProcessError, RuntimeError) as error:
            last = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1:]
            bench.say(f"{program} not measured: {' '.join(last)}")
            return []
    size = f"{data.stat().st_size / 1e6:.0f} MB"
    return [
        Measured(
            what=f"{program.replace('_', ' ')}: theirs over ours", values=[a / b for a, b in pairs], note=size
        ),
        Measured(what="  theirs", values=[theirs for theirs, _ in pairs], unit="CPU s"),
        Measured(what="  ours", values=[own for _, own in pairs], unit="CPU s"),
    ]


def _theirs(bench: Bench, python: str, program: str, data: Path) -> float:
    with bench.scratch() as folder:
        done = subprocess.run(
            [python, str(PROGRAM), program, str(data), str(folder)],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )
    return float(json.loads(done.stdout.splitlines()[-1])["cpu_s"])


def _job(bench: Bench, data: Path, process: list[Any]) -> float:
    with bench.scratch() as out:
        return run_job(recipe(data, out, process)).cpu_s


def _signatures(data: Path) -> float:
    """The summaries of the operator, whose tables are made beforehand."""
    settings = {**MINHASH, "num_permutations": SIGNATURE, "num_bands": 16}
    operator = registry.make("document_minhash_deduplicator", settings)
    assert isinstance(operator, DatasetOperator)
    operator.prepare()
    texts = [json.loads(line)["text"] for line in data.read_bytes().splitlines()]
    batches = list(operators.batches(texts))
    operator.summarise(batches[0])
    started_s = time.process_time()
    for batch in batches:
        operator.summarise(batch)
    return time.process_time() - started_s
