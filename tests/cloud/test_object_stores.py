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


def test_a_large_stream_goes_to_s3_in_parts_and_what_a_killed_run_left_of_one_is_ended(bucket: str) -> None:
    import boto3

    client = boto3.client("s3", region_name="us-east-1")
    name, data = bucket.removeprefix("s3://"), bytes(range(256)) * (70 << 10)

    def pending() -> list[str]:
        found = client.list_multipart_uploads(Bucket=name)
        return [each["Key"] for each in found.get("Uploads", ())]

    killed, after = (ObjectStore(open_bucket("s3", name)) for _ in range(2))
    left = killed.new_upload(f"{bucket}/out", "job")
    foreign = killed.new_upload(f"{bucket}/out", "another")
    for upload in (left, foreign):
        upload.write(data)
    assert pending() == ["out", "out"]
    after.discard_uploads(f"{bucket}/out", "job")
    assert pending() == ["out"], "that of another job stays"
    killed.publish([(foreign, f"{bucket}/out")])
    assert after.read(f"{bucket}/out") == data
    assert (pending(), after.list(bucket)) == ([], ["out"])
