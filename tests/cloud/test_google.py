"""Google's protocol, by a server of these tests: the contract of a store, and a job."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_juicer.storage.base import Store
from data_juicer.storage.cloud.object_store import ObjectStore
from data_juicer.storage.cloud.opening import open_bucket
from data_juicer.testing.store_contract import StoreContract
from tests.support.cloud_jobs import TWO_BARRIERS, exported, local_result, put_input, run
from tests.support.gcs_server import gcs_server

_NUMBERS = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    with gcs_server():
        yield


@pytest.fixture
def bucket() -> str:
    return f"gs://bucket-{next(_NUMBERS)}"


class TestGoogle(StoreContract):
    @pytest.fixture
    def at(self, bucket: str) -> str:
        return f"{bucket}/folder"

    @pytest.fixture
    def store(self, bucket: str) -> Store:
        return ObjectStore(open_bucket("gs", bucket.removeprefix("gs://")))


def test_an_object_that_is_replaced_by_the_same_bytes_has_another_version(bucket: str) -> None:
    """Google's ETag is that of the content: a claim that comes back as it was must not be taken for the one before."""
    store = ObjectStore(open_bucket("gs", bucket.removeprefix("gs://")))
    store.put(f"{bucket}/a", b"same")
    before = store.stat(f"{bucket}/a").version
    store.put(f"{bucket}/a", b"same")
    assert not store.put_if_unchanged(f"{bucket}/a", b"late", before)
    assert store.put_if_unchanged(f"{bucket}/a", b"next", store.stat(f"{bucket}/a").version)


def test_a_job_on_google_gives_the_bytes_of_a_local_disk(bucket: str, tmp_path: Path) -> None:
    places = {
        "dataset_path": put_input(bucket),
        "export_path": f"{bucket}/out/r.jsonl",
        "work_dir": f"{bucket}/work",
    }
    run(places, TWO_BARRIERS)
    assert exported(f"{bucket}/out") == local_result(tmp_path, TWO_BARRIERS)
    assert run(places, TWO_BARRIERS).already_complete
