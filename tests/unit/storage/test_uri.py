from __future__ import annotations

from pathlib import Path

import pytest

from data_juicer.core.executor.local_executor import LocalExecutor
from data_juicer.core.executor.ray_executor_partitioned import PartitionedRayExecutor
from data_juicer.errors import ConfigError
from data_juicer.storage import open_store
from data_juicer.storage.memory import MemoryStore
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs


@pytest.mark.parametrize("location", ["/data/jobs", "file:///data/jobs", "FILE:///x", PosixStore.uri])
def test_paths_and_file_uris_are_of_this_machine(location: str) -> None:
    assert isinstance(open_store(location), PosixStore)


def test_a_scheme_that_no_store_serves_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="hdfs://bucket/x: no store serves hdfs://") as refusal:
        open_store("hdfs://bucket/x")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("executor", [LocalExecutor, PartitionedRayExecutor])
def test_a_store_that_no_uri_names_is_refused_where_workers_are_other_processes(
    executor: type[LocalExecutor | PartitionedRayExecutor], tmp_path: Path
) -> None:
    settings = {"executor_type": "ray_partitioned" if executor is PartitionedRayExecutor else "local"}
    config = jobs.recipe(str(tmp_path), [str(tmp_path / "in.jsonl")], ["clean_links_mapper"], settings)
    with pytest.raises(
        ConfigError, match=r"which no URI names\. Nothing was changed; use executor_type: inline"
    ):
        executor(store=MemoryStore()).make_backend(config)
