"""A proxy between a job and a server: it delays, cuts and throttles some of the requests, before or after their effect."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Script = Callable[[str, str], tuple[int, str] | None]
DELAY_S = 0.2
THROTTLED = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if (refusal := self.server.script(self.command, self.path)) is not None:
            status, code = refusal
            self._answer(status, {}, f"<Error><Code>{code}</Code></Error>".encode())
            return
        fault = self.server.draw()
        if fault == "throttle":
            self._answer(503, {}, THROTTLED)
            return
        if fault == "reset":
            self._hang_up()
            return
        if fault == "delay":
            time.sleep(DELAY_S)
        upstream = http.client.HTTPConnection(*self.server.upstream, timeout=60)
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        data = answer.read()
        upstream.close()
        if fault == "lose":
            self._hang_up()
            return
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in _OWN}
        self._answer(answer.status, headers, data, cut=fault == "cut")

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do  # noqa: N815 - names of the base class

    def _answer(self, status: int, headers: dict[str, str], data: bytes, *, cut: bool = False) -> None:
        length = headers.pop("Content-Length", str(len(data)))
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if cut else data)
        if cut:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - of the base class
        """Nobody reads it."""


_OWN = {"connection", "transfer-encoding", "date", "server"}
FAULTS = ("throttle", "reset", "delay", "lose", "cut")


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: tuple[str, int], ratio: float, seed: int, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.script = script
        self.reported: Counter[str] = Counter()
        self._ratio = ratio
        self._random = random.Random(seed)
        self._guard = threading.Lock()

    def draw(self) -> str:
        with self._guard:
            fault = self._random.choice(FAULTS) if self._random.random() < self._ratio else ""
            self.reported[fault or "passed"] += 1
            return fault

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is none of ours."""


@contextmanager
def flaky_proxy(
    upstream: tuple[str, int], ratio: float, seed: int, script: Script | None = None
) -> Iterator[tuple[str, Counter[str]]]:
    """Its address, and how many requests it passed or did what to.

    Args:
        script: method and path -> the status and code that are answered instead; None passes the request on.
    """
    proxy = _Proxy(upstream, ratio, seed, script or (lambda *_: None))
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{proxy.server_port}", proxy.reported
    finally:
        proxy.shutdown()
        proxy.server_close()
