"""executor_type -> executor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_juicer.config.schema import JobConfig
    from data_juicer.core.executor.base import Executor


def make_executor(config: JobConfig, **surroundings: Any) -> Executor:
    """The executor of a job; `surroundings` are further fields of `run.surroundings.RunEnvironment`."""
    if config.executor_type.startswith("ray"):
        from data_juicer.core.executor.ray_executor_partitioned import PartitionedRayExecutor

        return PartitionedRayExecutor(**surroundings)
    from data_juicer.core.executor.local_executor import LocalExecutor

    return LocalExecutor(**surroundings)
