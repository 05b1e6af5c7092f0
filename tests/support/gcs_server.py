"""A server of this machine that speaks as much of Google Cloud Storage's XML protocol as the client uses.

Written after Google's reference of that protocol, since no emulator that can be installed speaks it whole: the version that a
put may demand is a *generation*, a number in a header of its own, and not the ETag as elsewhere.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

METADATA = "x-goog-meta-"


@dataclass(frozen=True)
class _Object:
    data: bytes
    generation: int
    metadata: dict[str, str]
    modified_s: float = field(default_factory=time.time)

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.data, usedforsecurity=False).hexdigest()}"'  # as Google's: of the content alone

    @property
    def modified(self) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(self.modified_s))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        _, _, rest = parts.path.partition("/")
        bucket, _, key = rest.partition("/")
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        with self.server.guard:
            self._dispatch(bucket, unquote(key), query, body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do  # noqa: N815 - names of the base class

    def _dispatch(self, bucket: str, key: str, query: dict[str, str], body: bytes) -> None:
        objects = self.server.buckets.setdefault(bucket, {})
        if self.command == "GET" and not key:
            self._list(objects, query)
        elif self.command in {"GET", "HEAD"}:
            self._get(objects, key)
        elif self.command == "DELETE":
            self._answer(204 if objects.pop(key, None) else 404, b"", code="NoSuchKey")
        elif "uploads" in query:
            upload = f"upload-{next(self.server.numbers)}"
            self.server.uploads[upload] = ({}, self._metadata())
            self._xml(
                f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            )
        elif "partNumber" in query:
            self.server.uploads[query["uploadId"]][0][int(query["partNumber"])] = body
            etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
            self._answer(200, b"", {"ETag": f'"{etag}"'})
        elif self.command == "POST" and "uploadId" in query:
            parts, metadata = self.server.uploads.pop(query["uploadId"])
            self._put(objects, key, b"".join(parts[number] for number in sorted(parts)), metadata)
        elif source := self.headers.get("x-goog-copy-source"):
            present = objects.get(unquote(source).partition("/")[2])
            if present is None:
                self._answer(404, b"", code="NoSuchKey")
            else:
                self._put(objects, key, present.data, present.metadata)
        else:
            self._put(objects, key, body, self._metadata())

    def _put(self, objects: dict[str, _Object], key: str, data: bytes, metadata: dict[str, str]) -> None:
        wanted, present = self.headers.get("x-goog-if-generation-match"), objects.get(key)
        if wanted is not None and int(wanted) != (present.generation if present else 0):
            self._answer(412, b"", code="PreconditionFailed")
            return
        objects[key] = made = _Object(data, next(self.server.numbers), metadata)
        reported = (
            f"<CompleteMultipartUploadResult><ETag>{escape(made.etag)}</ETag></CompleteMultipartUploadResult>"
        )
        self._answer(200, reported.encode() if self.command == "POST" else b"", self._headers_of(made))

    def _get(self, objects: dict[str, _Object], key: str) -> None:
        present = objects.get(key)
        if present is None:
            self._answer(404, b"", code="NoSuchKey")
            return
        if (wanted := self.headers.get("If-Match")) is not None and wanted != present.etag:
            self._answer(412, b"", code="PreconditionFailed")
            return
        headers, data = self._headers_of(present), present.data
        if asked := self.headers.get("Range"):
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last or len(data)) + 1, len(data))
            if start >= len(data):
                self._answer(416, b"", code="InvalidRange")
                return
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
            self._answer(206, data[start:stop], headers)
        else:
            self._answer(200, data, headers)

    def _list(self, objects: dict[str, _Object], query: dict[str, str]) -> None:
        prefix, folders, found = query.get("prefix", ""), dict[str, None](), []
        for key, present in sorted(objects.items()):
            name, slash, _ = key.removeprefix(prefix).partition("/")
            if not key.startswith(prefix):
                continue
            if slash and query.get("delimiter"):
                folders[f"{prefix}{name}/"] = None
            else:
                found.append(
                    f"<Contents><Key>{escape(key)}</Key><LastModified>{present.modified}</LastModified>"
                    f"<ETag>{escape(present.etag)}</ETag><Size>{len(present.data)}</Size>"
                    f"<Generation>{present.generation}</Generation></Contents>"
                )
        below = (f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>" for each in folders)
        self._xml(f"<ListBucketResult>{''.join(found)}{''.join(below)}</ListBucketResult>")

    def _metadata(self) -> dict[str, str]:
        return {
            name.lower(): value for name, value in self.headers.items() if name.lower().startswith(METADATA)
        }

    def _headers_of(self, present: _Object) -> dict[str, str]:
        return {
            "ETag": present.etag,
            "x-goog-generation": str(present.generation),
            "Last-Modified": formatdate(present.modified_s, usegmt=True),
            **present.metadata,
        }

    def _xml(self, text: str) -> None:
        self._answer(200, f"<?xml version='1.0' encoding='UTF-8'?>{text}".encode())

    def _answer(
        self, status: int, data: bytes, headers: dict[str, str] | None = None, code: str = ""
    ) -> None:
        if status >= 400:
            data = f"<Error><Code>{code}</Code></Error>".encode()
        self.send_response_only(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - of the base class
        """Nobody reads it."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.guard = threading.Lock()
        self.numbers = itertools.count(int(time.time() * 1e6))
        self.buckets: dict[str, dict[str, _Object]] = {}
        self.uploads: dict[str, tuple[dict[int, bytes], dict[str, str]]] = {}


@contextmanager
def gcs_server() -> Iterator[None]:
    """Its variables are in the environment of this process as long as it runs. A bucket is there when it is first named."""
    server, before = _Server(), dict(os.environ)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    key = {"gcs_base_url": f"http://127.0.0.1:{server.server_port}", "disable_oauth": True}
    key |= {"client_email": "", "private_key": "", "private_key_id": ""}
    os.environ |= {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(key), "GOOGLE_ALLOW_HTTP": "true"}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        server.shutdown()
        server.server_close()
