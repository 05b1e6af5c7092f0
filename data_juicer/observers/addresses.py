"""Where a collector listens. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def with_path(address: str, path: str) -> str:
    """The address; one that names a machine alone goes on with the path that the protocol has for it."""
    parts = urlsplit(address)
    return address if parts.path.strip("/") else urlunsplit(parts._replace(path=path))
