"""A job whose input, files and export are on a server that speaks S3, against the same job on the local disk, both on this machine.

The server is moto's, a process of its own in Python: it shares the cores with the job, so the ratio is a bound and no promise.
Commits a second at 50 ms latency are of the subject `driver`.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench import ROWS_A_PARTITION, Bench, Ran, interleaved, recipe, run_job
from benchmarks.report import Measured
from data_juicer.monitor.handle import JobHandle
from data_juicer.storage import open_store
from data_juicer.storage.posix import PosixStore

BUCKET = "s3://bench"
EVERY_OP = {"checkpoint": {"strategy": "every_op"}}


def measure(bench: Bench) -> list[Measured]:
    data = bench.data(bench.megabytes)
    size_mb = data.stat().st_size / 1e6
    with _server():
        _put(data)
        runs = iter(range(1000))

        def on_store() -> Ran:
            number = next(runs)
            places = {
                "work_dir": f"{BUCKET}/jobs",
                "export_path": f"{BUCKET}/out{number}.jsonl",
                "job_id": f"job{number}",
            }
            return run_job(
                {**recipe(data, Path("unused")), **EVERY_OP, "dataset_path": f"{BUCKET}/in.jsonl", **places}
            )

        def on_disk() -> Ran:
            with bench.scratch() as out:
                return run_job(recipe(data, out, **EVERY_OP))

        ran = interleaved(bench.repetitions, {"disk": on_disk, "store": on_store}, bench.say)
        job = JobHandle.open(f"{BUCKET}/jobs", "job0")
        requests = job.view.requests / max(1, job.summary.counts.partitions)
    stores, disks = ([size_mb / each.wall_s for each in ran[name]] for name in ("store", "disk"))
    return [
        Measured(
            what="a job on S3 against local disk, wall",
            values=[store / disk for store, disk in zip(stores, disks, strict=True)],
            note=f"every_op, np 1; {max(stores):.1f} against {max(disks):.1f} MB/s",
        ),
        Measured(
            what="requests a partition",
            values=[requests],
            unit="",
            note=f"every_op, nine operators, {ROWS_A_PARTITION:,} rows; start and end of the job included",
        ),
    ]


@contextmanager
def _server() -> Iterator[None]:
    """Its variables are in the environment of this process, and of those that it starts, as long as it runs."""
    code = "import sys; from moto.server import main; main(['-H', '127.0.0.1', '-p', sys.argv[1]])"
    port = _free_port()
    server = subprocess.Popen(
        [sys.executable, "-c", code, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    before = dict(os.environ)
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "us-east-1",
    }
    try:
        _make_bucket(port)
        yield
    finally:
        server.kill()
        server.wait()
        os.environ.clear()
        os.environ.update(before)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _make_bucket(port: int) -> None:
    for _ in range(300):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("PUT", f"/{BUCKET.partition('://')[2]}")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server does not answer")


def _put(data: Path) -> None:
    store = open_store(BUCKET)
    upload = store.new_upload(f"{BUCKET}/in.jsonl", size_bytes=data.stat().st_size)
    with PosixStore().open_read(str(data)) as reader:
        for chunk in reader.chunks(8 << 20):
            upload.write(chunk)
    upload.seal()
    store.publish([(upload, f"{BUCKET}/in.jsonl")])
