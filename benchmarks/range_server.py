"""A server of objects that are as large as their names say, such as `in_10000.jsonl` of 10,000 MB, and take no room anywhere.

Started by `store_memory.py` as `python -m benchmarks.range_server BLOCK_FILE`; prints its port. An object is the lines of the block again and
again. It answers what reading an object of S3 takes: its size, and ranges of it. Nothing can be written.
"""

from __future__ import annotations

import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

_NAME: Final = re.compile(r"/[^/]+/in_(\d+)\.jsonl")
_RANGE: Final = re.compile(r"bytes=(\d+)-(\d*)")
MB: Final = 1_000_000


def size_of(megabytes: int, block_bytes: int) -> int:
    """Of an object: as many whole blocks as come nearest."""
    return max(1, round(megabytes * MB / block_bytes)) * block_bytes


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def do_HEAD(self) -> None:
        self._answer(is_head=True)

    def do_GET(self) -> None:
        self._answer(is_head=False)

    def _answer(self, *, is_head: bool) -> None:
        named = _NAME.fullmatch(urlsplit(self.path).path)
        if named is None:  # a listing: there is nothing but what is named
            is_listing = "list-type" in self.path
            self._head(200 if is_listing else 404, len(_EMPTY) if is_listing else 0)
            if is_listing:
                self.wfile.write(_EMPTY)
            return
        block: memoryview = self.server.block
        size = size_of(int(named[1]), len(block))
        start, stop = 0, size
        if (asked := _RANGE.fullmatch(self.headers.get("Range", ""))) is not None:
            start, stop = int(asked[1]), min(size, int(asked[2]) + 1 if asked[2] else size)
            self._head(206, stop - start, f"bytes {start}-{stop - 1}/{size}")
        else:
            self._head(200, size)
        while start < stop and not is_head:
            at = start % len(block)
            part = block[at : min(len(block), at + stop - start)]
            self.wfile.write(part)
            start += len(part)

    def _head(self, status: int, length: int, content_range: str = "") -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", str(length))
        self.send_header("ETag", '"synthetic"')
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - of the base class
        """Nobody reads it."""


_EMPTY: Final = b"<ListBucketResult></ListBucketResult>"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is none of ours."""


def main() -> None:
    server: Any = _Server(("127.0.0.1", 0), _Handler)
    server.block = memoryview(Path(sys.argv[1]).read_bytes())
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
