"""What a worker must be given for a recipe."""

from __future__ import annotations

from typing import Any

from data_juicer.engine.protocol.resources import WorkerResources, plan_workers, worker_resources
from data_juicer.ops.catalog.registry import make
from data_juicer.plan.tasks import plan_segments

CPU, GPU = WorkerResources(), WorkerResources(gpus=1.0)


def kinds(*entries: dict[str, Any]) -> tuple[WorkerResources, ...]:
    operators = [make("clean_links_mapper", entry) for entry in entries]
    return worker_resources(plan_segments([operator.resources for operator in operators]))


def test_a_recipe_that_asks_for_nothing_needs_workers_of_one_processor():
    assert kinds({}, {}) == (WorkerResources(cpus=1.0, gpus=0.0, memory_bytes=0),)


def test_only_the_stages_of_an_operator_with_a_gpu_need_workers_with_one():
    asked = kinds({"num_cpus": 2}, {"num_gpus": 0.5, "memory": "3GB"}, {"num_cpus": 2})
    assert asked == (
        WorkerResources(cpus=2.0),
        WorkerResources(gpus=0.5, memory_bytes=3 << 30),
        WorkerResources(cpus=2.0),
    )


def test_a_limit_of_workers_splits_a_stage_and_asks_for_no_other_worker():
    assert kinds({}, {"num_proc": 2}, {}) == (CPU, CPU, CPU)


def test_a_cluster_is_given_one_worker_of_each_kind_in_turn():
    assert plan_workers([{"CPU": 4.0, "GPU": 1.0}], [CPU, GPU], None) == {CPU: 3, GPU: 1}
    assert plan_workers([{"CPU": 2.0, "GPU": 1.0}], [CPU, GPU, CPU], None) == {CPU: 1, GPU: 1}
    assert plan_workers([{"CPU": 1.0}, {"CPU": 2.0}], [CPU], None) == {CPU: 3}
    assert plan_workers([{"CPU": 8.0, "GPU": 8.0}], [CPU, GPU], 3) == {CPU: 2, GPU: 1}
    assert plan_workers([{"CPU": 8.0}], [GPU], None) == {}


def test_a_machine_holds_as_many_workers_as_its_scarcest_resource_allows():
    asked = WorkerResources(cpus=2.0, gpus=1.0, memory_bytes=4 << 30)
    assert asked.fits({"CPU": 16.0, "GPU": 3.0, "memory": float(64 << 30)}) == 3
    assert asked.fits({"CPU": 16.0, "memory": float(64 << 30)}) == 0
    assert WorkerResources(cpus=0.5).fits({"CPU": 2.0}) == 4
