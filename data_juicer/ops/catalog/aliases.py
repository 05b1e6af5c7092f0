"""Other names of operators: DataJuicer's for the same job on Ray. Here every operator runs on every backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ALIASES: Final[Mapping[str, str]] = {
    "ray_bts_minhash_cpp_deduplicator": "document_minhash_deduplicator",
    "ray_bts_minhash_deduplicator": "document_minhash_deduplicator",
    "ray_bts_minhash_deduplicator_with_uid": "document_minhash_deduplicator_with_uid",
    "ray_document_deduplicator": "document_deduplicator",
}

WITHOUT_EFFECT: Final[frozenset[str]] = frozenset(
    {
        "backend",
        "redis_address",
        "dedup_set_num",
        "union_find_parallel_num",
        "union_threshold",
        "max_pending_edge_buffer_task",
        "num_edge_buffer_task_returns",
        "max_pending_filter_tasks",
        "num_filter_task_returns",
        "merge_batch_size",
        "minhash_batch_size",
        "memory_per_sample",
        "actor_memory",
        "task_memory",
    }
)
"""Parameters that go with these names and cannot change a result: how the work is spread over a cluster."""
