"""What an operator declares that it needs of a worker."""

from __future__ import annotations

from typing import Any

import pytest

from data_juicer.errors import ConfigError
from data_juicer.ops.catalog.registry import canonical_params, make
from data_juicer.ops.operator_resources import OperatorResources, declared_resources, largest


def of(**entry: Any) -> OperatorResources:
    return make("clean_links_mapper", entry).resources


def test_an_operator_that_says_nothing_needs_one_processor():
    assert of() == OperatorResources(cpus=1.0, gpus=0.0, memory_bytes=0, concurrency=0)


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
    assert of(**entry).memory_bytes == size


def test_older_names_mean_the_same():
    assert of(cpu_required=3, gpu_required=1) == OperatorResources(cpus=3.0, gpus=1.0)


@pytest.mark.parametrize(("given", "limit"), [(3, 3), (-1, 0), (0, 0), ([1, 4], 4), (None, 0)])
def test_num_proc_says_how_many_workers_run_the_operator_at_once(given: Any, limit: int):
    assert of(num_proc=given).concurrency == limit


def test_a_class_declares_what_every_entry_needs_and_an_entry_goes_before_it():
    declaring = type("Declaring", (), {"num_gpus": 1, "memory": "2GB"})
    assert declared_resources("x", declaring, {}) == OperatorResources(gpus=1.0, memory_bytes=2 << 30)
    assert declared_resources("x", declaring, {"gpu_required": 0, "memory": 4}).gpus == 0.0


def test_resources_are_in_no_key():
    assert canonical_params(make("clean_links_mapper", {"num_gpus": 1, "num_proc": 2})) == canonical_params(
        make("clean_links_mapper", {})
    )


def test_a_worker_of_several_operators_needs_the_most_of_each_and_keeps_the_lowest_limit():
    one = OperatorResources(cpus=2.0, memory_bytes=5, concurrency=4)
    other = OperatorResources(gpus=0.5, concurrency=3)
    assert largest([one, other, OperatorResources()]) == OperatorResources(
        cpus=2.0, gpus=0.5, memory_bytes=5, concurrency=3
    )
    assert largest([]) == OperatorResources()


@pytest.mark.parametrize(
    "entry",
    [
        {"num_cpus": "many"},
        {"memory": "big"},
        {"num_gpus": -1},
        {"num_gpus": float("nan")},
        {"memory": True},
        {"num_proc": "all"},
    ],
)
def test_what_is_no_amount_is_refused_by_name(entry: dict[str, Any]):
    with pytest.raises(
        ConfigError, match=rf"operator clean_links_mapper: {next(iter(entry))} = .* is not a "
    ):
        of(**entry)
