"""Locations as strings: a path of this machine's file systems, or a URI such as `s3://bucket/folder/file`.

Names below a URI are joined and split with `os.path` like those of a path; only what depends on the current folder differs.
"""

from __future__ import annotations

import os
import re
from typing import Final

CLOUD_SCHEMES: Final = ("s3", "gs", "az", "memory")
"""Amazon S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage; `memory` is one process alone."""

_URI: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}")
ROUTED: Final = "routed:///"
"""What names the store that serves every location; see `routed.py`."""


def scheme_of(location: str) -> str:
    """`s3` of `s3://bucket/key`, in lower case; empty for a path."""
    match = _URI.fullmatch(location)
    return match[1].lower() if match else ""


def is_cloud(location: str) -> bool:
    """Whether an object store serves the location."""
    return scheme_of(location) in CLOUD_SCHEMES


def absolute(location: str) -> str:
    """The location as every process understands it, whatever its current folder is."""
    return location if is_cloud(location) else os.path.abspath(location)


def join(directory: str, location: str) -> str:
    """A location that is named from a directory, if it is not absolute already."""
    return location if is_cloud(location) else os.path.join(directory, location)


def root_of(location: str) -> str:
    """`s3://bucket` of `s3://bucket/key`, `/` of an absolute path."""
    match = _URI.fullmatch(location)
    return f"{match[1]}://{match[2].partition('/')[0]}" if match else "/"


def parts_of(location: str) -> list[str]:
    """The names that lead from its root to a location that is absolute."""
    match = _URI.fullmatch(location)
    below = match[2].partition("/")[2] if match else location
    return [part for part in below.split("/") if part]


def normal_uri(location: str) -> str:
    """The one spelling of a URI that an object store serves: a lower-case scheme, no empty names, no slash at its end.

    Raises: ValueError: says what is wrong with it; nothing of a password in it is shown.
    """
    match = _URI.fullmatch(location)
    if match is None:
        raise ValueError("is no URI")
    scheme, (bucket, _, key) = match[1].lower(), match[2].partition("/")
    if "@" in bucket or ":" in bucket:
        raise ValueError(
            f"{scheme}://...: credentials and ports have no place in a location; they are taken from the environment"
        )
    if not _BUCKET.fullmatch(bucket):
        raise ValueError(f"{bucket!r} is not the name of a bucket, as in {scheme}://bucket/folder/file")
    names = [name for name in key.split("/") if name]
    if {".", ".."} & set(names):
        raise ValueError("`.` and `..` mean nothing in an object store; write the location out")
    return "/".join([f"{scheme}://{bucket}", *names])
