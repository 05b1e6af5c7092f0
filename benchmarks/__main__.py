"""Measures data_juicer against the targets of its design and prints both side by side.

python -m benchmarks [--megabytes N] [--repetitions N] [SUBJECT ...]
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import report
from benchmarks.bench import Bench

SUBJECTS = (
    "operators",
    "native",
    "deduplicators",
    "sharing",
    "machinery",
    "overhead",
    "strategies",
    "workers",
    "startup",
    "resume",
    "memory",
    "scanning",
    "formats",
    "driver",
    "planning",
    "growth",
    "scale",
    "ray",
    "stores",
    "store_memory",
    "recipes",
    "peer",
    "peer_minhash",
    "peers",
)
"""Modules with a function `measure(bench) -> list of report.Measured`, in the order of the table."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"of {', '.join(SUBJECTS)}; none: all")
    parser.add_argument("--megabytes", type=int, default=200, help="size of the input (200)")
    parser.add_argument("--repetitions", type=int, default=3, help="runs of each variant (3)")
    asked = parser.parse_args()
    if unknown := set(asked.subjects) - set(SUBJECTS):
        parser.error(f"no such subject: {', '.join(sorted(unknown))}; there are {', '.join(SUBJECTS)}")
    facts = report.machine()
    rows: list[report.Measured] = []
    with TemporaryDirectory(prefix="dj_bench_") as directory:
        bench = Bench(Path(directory), asked.megabytes, asked.repetitions, _say)
        for subject in asked.subjects or SUBJECTS:
            _say(f"== {subject}")
            measured = importlib.import_module(f"benchmarks.{subject}").measure(bench)
            report.save(subject, measured, facts)
            rows += measured
    report.show(rows, facts)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
