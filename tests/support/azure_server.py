"""A server that speaks Azure's protocol, on this machine alone: Azurite, where npm has installed it.

npm install --prefix .azurite azurite        # in the repository, as .ci/run does; or AZURITE=.../azurite-blob says where it is
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's own, in its manual: no secret of anyone."""
_HERE = Path(__file__).parents[2] / ".azurite/node_modules/.bin/azurite-blob"
VERSION = "2021-08-06"


def find_azurite() -> str | None:
    return os.environ.get("AZURITE") or shutil.which("azurite-blob") or shutil.which(str(_HERE))


@contextmanager
def azure_server(program: str) -> Iterator[Callable[[str], None]]:
    """What makes a container. Its variables are in the environment of this process as long as it runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence"]
    words += ["--skipApiVersionCheck", "--silent", "--disableTelemetry"]
    server = subprocess.Popen([program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    before = dict(os.environ)
    os.environ |= {
        "AZURE_STORAGE_USE_EMULATOR": "true",
        "AZURITE_BLOB_STORAGE_URL": f"http://127.0.0.1:{port}",
        "AZURE_ALLOW_HTTP": "true",
    }
    try:
        yield lambda name: _make_container(port, name)
    finally:
        server.kill()
        server.wait()
        os.environ.clear()
        os.environ.update(before)


def _make_container(port: int, name: str) -> None:
    for _ in range(300):
        try:
            assert _ask(port, name) == 201
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("Azurite does not answer")


def _ask(port: int, name: str) -> int:
    date = formatdate(usegmt=True)
    signed = "\n".join(
        [
            "PUT",
            *[""] * 11,
            f"x-ms-date:{date}",
            f"x-ms-version:{VERSION}",
            f"/{ACCOUNT}/{ACCOUNT}/{name}",
            "restype:container",
        ]
    )
    signature = base64.b64encode(hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest())
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {
        "x-ms-date": date,
        "x-ms-version": VERSION,
        "Authorization": f"SharedKey {ACCOUNT}:{signature.decode()}",
        "Content-Length": "0",
    }
    connection.request("PUT", f"/{ACCOUNT}/{name}?restype=container", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status
