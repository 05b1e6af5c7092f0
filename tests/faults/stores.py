"""What can be done to a job whose checkpoints are in an object store: by a proxy between it and a server that speaks S3."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

from tests.faults.bench import Bench
from tests.faults.deeds import Strike
from tests.support.flaky_proxy import Script, flaky_proxy
from tests.support.s3_server import s3_server

SEED = 20261126
BUCKET = "checkpoints"


def network(ratio: float) -> Strike:
    """Some of the requests go wrong at random."""
    return _strike(ratio, lambda _: None)


def answers(status: int, code: str, after: int = 0) -> Strike:
    """From the request on that puts the `after`-th checkpoint the store answers with this code, until it is mended."""

    def make(is_mended: Callable[[], bool]) -> Script:
        puts = 0

        def script(method: str, path: str) -> tuple[int, str] | None:
            nonlocal puts
            puts += method == "PUT" and f"/{BUCKET}/" in path
            return None if is_mended() or puts <= after else (status, code)

        return script

    return _strike(0.0, make)


def _strike(ratio: float, make: Callable[[Callable[[], bool]], Script | None]) -> Strike:
    @contextlib.contextmanager
    def strike(bench: Bench) -> Iterator[Callable[[], None]]:
        mended: list[bool] = []
        with s3_server() as server:
            server.forget()
            server.make_bucket(BUCKET)
            script = make(lambda: bool(mended))
            with flaky_proxy((server.host, server.port), ratio, SEED, script) as (address, _):
                os.environ["AWS_ENDPOINT_URL"] = address
                bench.settings["checkpoint_dir"] = f"s3://{BUCKET}/jobs"
                yield lambda: mended.append(True)

    return strike
