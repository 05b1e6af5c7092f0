"""Peak memory of driver and worker over input in an object store: 200 MB, 1 GB and 10 GB.

No server that can be installed holds 10 GB in a time that anybody waits for: `range_server.py` makes the bytes as they are asked for. Few rows
are left, so that nothing but reading grows with the input. The job's files are on the local disk.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench import ROOT, Bench, Ran, recipe, run_job
from benchmarks.report import Measured

TIMES = (1, 5, 50)
"""Sizes of input, in `--megabytes`."""
BLOCK_MB = 8
PROCESS = [{"text_length_filter": {"min_len": 20_000}}]
SETTINGS = {"partition": {"size": 100_000, "max_size_mb": 32}, "checkpoint": {"strategy": "every_op"}}


def measure(bench: Bench) -> list[Measured]:
    sizes = [bench.megabytes * times for times in TIMES]
    with _server(bench.data(BLOCK_MB)):
        ran = {size: _run(bench, size) for size in sizes}
    rows = []
    for who in ("driver", "worker"):
        peaks = [getattr(ran[size], f"{who}_peak_bytes") for size in sizes]
        rows.append(
            Measured(
                what=f"peak memory of {who}, {sizes[-1]:,} MB in a store against {sizes[-2]:,} MB",
                values=[peaks[-1] / peaks[-2]],
                at_most=1.10,
                note=f"{', '.join(f'{peak / 1e6:.0f}' for peak in peaks)} MB at {', '.join(f'{size:,}' for size in sizes)} MB; "
                "partitions of 32 MB, np 1, bytes made by benchmarks/range_server.py",
            )
        )
    large = sizes[-1]
    rows.append(
        Measured(
            what=f"{large:,} MB of a store read twice, scanned and filtered",
            values=[large / ran[large].wall_s],
            unit="MB/s",
            note=f"wall {ran[large].wall_s:,.0f} s; CPU of job {ran[large].cpu_s:,.0f} s, beside the server's",
        )
    )
    return rows


def _run(bench: Bench, megabytes: int) -> Ran:
    bench.say(f"{megabytes:,} MB")
    with bench.scratch() as out:
        settings = recipe(Path("unused"), out, PROCESS, **SETTINGS)
        return run_job({**settings, "dataset_path": f"s3://bench/in_{megabytes}.jsonl"})


@contextmanager
def _server(block: Path) -> Iterator[None]:
    """Its variables are in the environment of this process, and of those that it starts, as long as it runs."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.range_server", str(block)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    before = dict(os.environ)
    try:
        assert server.stdout is not None
        os.environ |= {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{int(server.stdout.readline())}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_REGION": "us-east-1",
        }
        yield
    finally:
        server.kill()
        server.wait()
        os.environ.clear()
        os.environ.update(before)
