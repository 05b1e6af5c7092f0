"""executor_type -> executor."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_juicer.config.schema import JobConfig
    from data_juicer.core.executor.base import Executor
    from data_juicer.engine.run_context import RunControl


def make_executor(config: JobConfig, control: RunControl | None = None) -> Executor:
    """The executor of a job on this machine's files and clock."""
    if config.executor_type.startswith("ray"):
        from data_juicer.core.executor.ray_executor_partitioned import PartitionedRayExecutor

        return PartitionedRayExecutor(control)
    from data_juicer.core.executor.local_executor import LocalExecutor

    return LocalExecutor(control)
