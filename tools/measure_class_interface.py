"""Which operator modules of an unpacked py-data-juicer run through `custom_operator_paths`, and what the others lack.

    pip download --no-deps py-data-juicer==1.6.1 -d SCRATCH && unzip SCRATCH/*.whl -d SCRATCH/wheel
    python tools/measure_class_interface.py SCRATCH/wheel/data_juicer/ops

Each module is loaded in a process of its own, under a copy whose operators have names of their own.
"""

from __future__ import annotations

import concurrent.futures
import os
import subprocess
import sys
from collections import Counter

KINDS = ("mapper", "filter", "deduplicator", "selector", "grouper", "aggregator")
LOAD = """
import sys
from data_juicer.errors import ConfigError
from data_juicer.ops.catalog import custom
try:
    print("runs", ", ".join(custom.load_custom([sys.argv[1]], taken=list)))
except ConfigError as error:
    print("lacks", str(error).partition(".py:")[2].partition(" ")[2] or error)
"""


def load(path: str) -> str:
    done = subprocess.run([sys.executable, "-c", LOAD, path], capture_output=True, text=True, check=False)
    return done.stdout.strip() or f"crashes {done.stderr.strip().splitlines()[-1]}"


def main() -> None:
    root = sys.argv[1]
    paths = [
        os.path.join(root, kind, file)
        for kind in KINDS
        for file in sorted(os.listdir(os.path.join(root, kind)))
        if file.endswith(".py") and not file.startswith("_")
    ]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(load, paths))
    for path, answer in zip(paths, answers, strict=True):
        print(f"{os.path.relpath(path, root)}: {answer}")
    print(Counter(answer.partition(" ")[0] for answer in answers))
    print(Counter(answer for answer in answers if answer.startswith("lacks")).most_common(60))


if __name__ == "__main__":
    main()
