"""MB/s per core of each deduplicator at two sizes of input, how its cost grows, and the driver's peak memory.

A job of the one operator, np 1, without checkpoints: reading, summaries, resolve, rows removed and export included. A core's
worth is the CPU time of driver and worker together. Documents are the development data again and again, each time in an
alphabet of its own, so that they are alike in length and unlike in content; one in ten stays as it was and is removed.

    python -m benchmarks deduplicators --megabytes 200
"""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.bench import Bench, recipe, run_job
from benchmarks.report import Measured

TIMES = 10
OPERATORS = (
    "document_deduplicator",
    "document_line_deduplicator",
    "document_minhash_deduplicator",
    "document_simhash_deduplicator",
)
COPIES_SHARE = 0.1


def measure(bench: Bench) -> list[Measured]:
    rows: dict[str, list[Measured]] = {name: [] for name in OPERATORS}
    cost: dict[str, float] = {}
    for megabytes in (bench.megabytes, bench.megabytes * TIMES):
        data = _data(bench, megabytes)
        for name in OPERATORS:
            bench.say(f"{name}, {megabytes} MB")
            with bench.scratch() as out:
                ran = run_job(recipe(data, out, [{name: {}}], work_dir=str(out)))
            speed = data.stat().st_size / 1e6 / ran.cpu_s
            note = (
                f"driver {ran.driver_s:.1f} s and {ran.driver_peak_bytes / 1e6:.0f} MB at most, "
                f"worker {ran.workers_s:.1f} s and {ran.worker_peak_bytes / 1e6:.0f} MB at most"
            )
            bench.say(f"{speed:.1f} MB/s per core; {note}")
            rows[name].append(_row(f"{name}, {megabytes} MB", speed, "MB/s per core", note))
            if name in cost:
                growth = cost[name] / speed
                rows[name].append(
                    _row(f"{name}, cost a MB at {megabytes} MB against before", growth, "x", "")
                )
            cost[name] = speed
        data.unlink()
    return [row for name in OPERATORS for row in rows[name]]


def _row(what: str, value: float, unit: str, note: str) -> Measured:
    return Measured(what=what, values=[value], unit=unit, note=note)


def _data(bench: Bench, megabytes: int) -> Path:
    path = bench.directory / f"unlike_{megabytes}.jsonl"
    with path.open("wb") as out:
        out.writelines(_documents(bench.documents(), megabytes * 1_000_000))
    return path


def _documents(lines: list[bytes], size: int) -> Iterator[bytes]:
    rows = [msgspec.json.decode(line) for line in lines]
    draw, held = random.Random(1), 0
    while held < size:
        letters = list(string.ascii_lowercase)
        draw.shuffle(letters)
        alphabet = str.maketrans(string.ascii_lowercase, "".join(letters))
        for row in rows:
            if held >= size:
                return
            is_copy = draw.random() < COPIES_SHARE
            line = msgspec.json.encode(
                {**row, "text": row["text"] if is_copy else row["text"].translate(alphabet)}
            )
            held += len(line) + 1
            yield line + b"\n"
