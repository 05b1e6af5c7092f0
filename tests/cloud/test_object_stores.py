"""Object stores keep the contract of a store: S3 over HTTP, and the one in memory."""

from __future__ import annotations

import itertools

import pytest

from data_juicer.storage import open_store
from data_juicer.storage.base import Store
from data_juicer.storage.cloud.object_store import ObjectStore
from data_juicer.storage.cloud.opening import open_bucket
from data_juicer.testing.store_contract import StoreContract

_NUMBERS = itertools.count()


class TestS3(StoreContract):
    @pytest.fixture
    def at(self, bucket: str) -> str:
        return f"{bucket}/folder"

    @pytest.fixture
    def store(self, bucket: str) -> Store:
        return ObjectStore(open_bucket("s3", bucket.removeprefix("s3://")))


class TestMemory(StoreContract):
    @pytest.fixture
    def at(self) -> str:
        return f"memory://contract-{next(_NUMBERS)}/folder"

    @pytest.fixture
    def store(self, at: str) -> Store:
        return ObjectStore(open_bucket("memory", at.split("/")[2]))


class TestRouted(StoreContract):
    @pytest.fixture
    def at(self) -> str:
        return f"memory://contract-{next(_NUMBERS)}/folder"

    @pytest.fixture
    def store(self, at: str) -> Store:
        return open_store(at)
