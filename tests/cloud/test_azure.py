"""Azure's protocol, by Azurite: the contract of a store, and a job."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from data_juicer.storage.base import Store
from data_juicer.storage.cloud.object_store import ObjectStore
from data_juicer.storage.cloud.opening import open_bucket
from data_juicer.testing.store_contract import StoreContract
from tests.support.azure_server import azure_server, find_azurite
from tests.support.cloud_jobs import exported, local_result, put_input, run

_NUMBERS = itertools.count()
AZURITE = find_azurite()

pytestmark = [
    pytest.mark.skipif(
        AZURITE is None, reason="Azurite is not installed: npm install --prefix .azurite azurite"
    ),
    pytest.mark.xdist_group("azurite"),  # it takes longer to start than the tests
]


@pytest.fixture(scope="module")
def make_container() -> Iterator[Callable[[str], None]]:
    assert AZURITE
    with azure_server(AZURITE) as make:
        yield make


@pytest.fixture
def container(make_container: Callable[[str], None]) -> str:
    name = f"container-{next(_NUMBERS)}"
    make_container(name)
    return f"az://{name}"


class TestAzure(StoreContract):
    @pytest.fixture
    def at(self, container: str) -> str:
        return f"{container}/folder"

    @pytest.fixture
    def store(self, container: str) -> Store:
        return ObjectStore(open_bucket("az", container.removeprefix("az://")))


@pytest.mark.slow
def test_a_job_on_azure_gives_the_bytes_of_a_local_disk(container: str, tmp_path: Path) -> None:
    places = {
        "dataset_path": put_input(container),
        "export_path": f"{container}/out/r.jsonl",
        "work_dir": f"{container}/work",
    }
    run(places)
    assert exported(f"{container}/out") == local_result(tmp_path)
    assert run(places).already_complete
