"""Older names of settings, one table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

FLAT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "partition_size": "partition.size",
        "max_partition_size_mb": "partition.max_size_mb",
        "enable_fault_tolerance": "fault_tolerance.enabled",
        "max_retries": "fault_tolerance.max_retries",
        "retry_backoff": "fault_tolerance.retry_backoff",
        "skip_op_error": "fault_tolerance.on_bad_row",
        "storage_format": "intermediate_storage.format",
        "storage_compression": "intermediate_storage.compression",
        "use_arrow_batches": "intermediate_storage.use_arrow_batches",
        "arrow_batch_size": "intermediate_storage.arrow_batch_size",
        "arrow_memory_mapping": "intermediate_storage.arrow_memory_mapping",
        "preserve_intermediate_data": "intermediate_storage.preserve_intermediate_data",
        "cleanup_temp_files": "intermediate_storage.cleanup_temp_files",
        "cleanup_on_success": "intermediate_storage.cleanup_on_success",
        "retention_policy": "intermediate_storage.retention_policy",
        "max_retention_days": "intermediate_storage.max_retention_days",
        "max_log_size_mb": "event_logging.max_log_size_mb",
        "backup_count": "event_logging.backup_count",
    }
)
"""Flat key -> the nested key it stands for. The nested key wins where both are given."""

BELOW_PARTITION: Final[Mapping[str, str]] = MappingProxyType(
    {
        "partition.enable_fault_tolerance": "fault_tolerance.enabled",
        "partition.max_retries": "fault_tolerance.max_retries",
        "partition.retry_backoff": "fault_tolerance.retry_backoff",
    }
)
"""Where retries were set before `fault_tolerance` was; these win over flat keys, `fault_tolerance.*` over these."""

TRUTH_VALUES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"skip_op_error": ("fail", "quarantine")}
)
"""Old truth value -> what false and true are called now."""

FLAT_RANK: Final = 0
PARTITION_RANK: Final = 1
NESTED_RANK: Final = 2


def current_key(key: str) -> tuple[str, int]:
    """The key that holds now, and how much it counts among keys of one source: more wins."""
    if key in FLAT:
        return FLAT[key], FLAT_RANK
    if key in BELOW_PARTITION:
        return BELOW_PARTITION[key], PARTITION_RANK
    return key, NESTED_RANK
