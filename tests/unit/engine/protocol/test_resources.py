"""What a worker must be given for a recipe."""

from __future__ import annotations

from typing import Any

import pytest

from data_juicer.engine.protocol.resources import WorkerResources, resources_of
from data_juicer.errors import ConfigError
from data_juicer.ops.catalog.registry import make


def needs(*entries: dict[str, Any]) -> WorkerResources:
    operator = make("clean_links_mapper", {})
    return resources_of([(operator, entry) for entry in entries])


def test_a_recipe_that_asks_for_nothing_needs_one_processor():
    assert needs({}, {}) == WorkerResources(cpus=1.0, gpus=0.0, memory_bytes=0)


def test_a_worker_is_given_the_most_that_any_operator_asks_for():
    asked = needs({"num_cpus": 2}, {"num_gpus": 0.5, "memory": "3GB"}, {"num_cpus": 0.5, "memory": "512 MiB"})
    assert asked == WorkerResources(cpus=2.0, gpus=0.5, memory_bytes=3 << 30)


@pytest.mark.parametrize(
    ("entry", "size"),
    [
        ({"memory": 2_000_000_000}, 2_000_000_000),
        ({"mem_required": 2}, 2 << 30),
        ({"mem_required": "1.5G"}, 3 << 29),
        ({"memory": "100"}, 100),
    ],
)
def test_memory_is_bytes_gigabytes_or_a_text(entry: dict[str, Any], size: int):
    assert needs(entry).memory_bytes == size


def test_older_names_mean_the_same():
    assert needs({"cpu_required": 3, "gpu_required": 1}) == WorkerResources(cpus=3.0, gpus=1.0)


def test_an_operator_may_declare_what_it_needs():
    operator = make("clean_links_mapper", {})
    declaring = type("Declaring", (type(operator),), {"num_gpus": 1})
    assert resources_of([(object.__new__(declaring), {})]).gpus == 1.0


@pytest.mark.parametrize(
    "entry", [{"num_cpus": "many"}, {"memory": "big"}, {"num_gpus": -1}, {"memory": True}]
)
def test_what_is_no_amount_is_refused_by_name(entry: dict[str, Any]):
    with pytest.raises(
        ConfigError, match=rf"operator clean_links_mapper: {next(iter(entry))} = .* is not a "
    ):
        needs(entry)


def test_a_machine_holds_as_many_workers_as_its_scarcest_resource_allows():
    asked = WorkerResources(cpus=2.0, gpus=1.0, memory_bytes=4 << 30)
    assert asked.fits({"CPU": 16.0, "GPU": 3.0, "memory": float(64 << 30)}) == 3
    assert asked.fits({"CPU": 16.0, "memory": float(64 << 30)}) == 0
    assert WorkerResources(cpus=0.5).fits({"CPU": 2.0}) == 4
