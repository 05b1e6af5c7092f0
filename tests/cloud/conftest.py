"""A server that speaks S3 for all tests of this folder, and a bucket of its own for each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.support.s3_server import S3Server, s3_server

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[S3Server]:
    with s3_server() as found:
        yield found


@pytest.fixture
def bucket(server: S3Server) -> str:
    """`s3://...`, empty."""
    name = f"bucket-{next(_NUMBERS)}"
    server.make_bucket(name)
    return f"s3://{name}"
