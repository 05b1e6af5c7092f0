"""How much memory a shard of a resolve is given."""

from __future__ import annotations

import pytest

from data_juicer.engine.lifecycle.build_setup import shard_memory_bytes
from data_juicer.testing import jobs


@pytest.mark.parametrize(
    ("workers", "worker_memory_mb", "expected_mb"), [(0, 0, 1000), (4, 0, 250), (4, 600, 250), (2, 300, 150)]
)
def test_workers_share_the_memory_of_a_resolve_and_stay_within_their_own(
    workers: int, worker_memory_mb: int, expected_mb: int
) -> None:
    given = {
        "resolve_memory_mb": 1000,
        "fault_tolerance.worker_memory_mb": worker_memory_mb,
        "executor_type": "default",
    }
    config = jobs.recipe("/jobs", ["/in.jsonl"], [], given)
    assert shard_memory_bytes(config, workers) == expected_mb * 1_000_000
