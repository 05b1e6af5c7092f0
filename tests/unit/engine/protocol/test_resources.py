"""What a worker must be given for a recipe."""

from __future__ import annotations

from typing import Any

from data_juicer.engine.protocol.resources import WorkerResources, resources_of
from data_juicer.ops.catalog.registry import make


def needs(*entries: dict[str, Any]) -> WorkerResources:
    return resources_of([make("clean_links_mapper", entry) for entry in entries])


def test_a_recipe_that_asks_for_nothing_needs_one_processor():
    assert needs({}, {}) == WorkerResources(cpus=1.0, gpus=0.0, memory_bytes=0)


def test_a_worker_is_given_the_most_that_any_operator_asks_for():
    asked = needs({"num_cpus": 2}, {"num_gpus": 0.5, "memory": "3GB"}, {"num_cpus": 0.5, "memory": "512 MiB"})
    assert asked == WorkerResources(cpus=2.0, gpus=0.5, memory_bytes=3 << 30)


def test_a_machine_holds_as_many_workers_as_its_scarcest_resource_allows():
    asked = WorkerResources(cpus=2.0, gpus=1.0, memory_bytes=4 << 30)
    assert asked.fits({"CPU": 16.0, "GPU": 3.0, "memory": float(64 << 30)}) == 3
    assert asked.fits({"CPU": 16.0, "memory": float(64 << 30)}) == 0
    assert WorkerResources(cpus=0.5).fits({"CPU": 2.0}) == 4
