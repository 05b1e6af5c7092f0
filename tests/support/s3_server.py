"""A server that speaks S3, on this machine alone: moto's, in threads of this process."""

from __future__ import annotations

import http.client
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SECRET = "planted-secret-that-no-file-may-hold"
KEY = "planted-key-id-that-no-file-may-hold"


@dataclass(frozen=True)
class S3Server:
    host: str
    port: int

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to use it."""
        return {
            "AWS_ENDPOINT_URL": f"http://{self.host}:{self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }

    def make_bucket(self, name: str) -> None:
        self._ask("PUT", f"/{name}")

    def forget(self) -> None:
        """Buckets of servers that were started in this process before."""
        self._ask("POST", "/moto-api/reset")

    def _ask(self, method: str, path: str) -> None:
        connection = http.client.HTTPConnection(self.host, self.port)
        connection.request(method, path)
        assert connection.getresponse().status == 200
        connection.close()


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Its variables are in the environment of this process as long as it runs."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    before = dict(os.environ)
    try:
        found = S3Server(*server.get_host_and_port())
        os.environ.update(found.environment)
        yield found
    finally:
        os.environ.clear()
        os.environ.update(before)
        server.stop()
