"""The executor of a Ray cluster: the same driver, workers on all its nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_juicer.core.executor.base import BackendExecutor
from data_juicer.errors import ConfigError

if TYPE_CHECKING:
    from data_juicer.config.schema import JobConfig
    from data_juicer.engine.protocol.backend import Backend


class PartitionedRayExecutor(BackendExecutor):
    def make_backend(self, config: JobConfig) -> Backend:
        """Raises: ConfigError: Ray is not installed, or an operator asks for something that is no amount."""
        self.need_store_for_workers(config)
        try:
            from data_juicer.backends.ray.backend import RayBackend
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] != "ray":
                raise
            raise ConfigError(
                f"executor_type: {config.executor_type} needs Ray, which is not installed. "
                "To install it: pip install 'data-juicer[ray]'"
            ) from None
        from data_juicer.config.operators import check_operators
        from data_juicer.engine.protocol.resources import worker_resources
        from data_juicer.plan.tasks import plan_segments

        segments = plan_segments([operator.resources for operator in check_operators(config)])
        return RayBackend(
            config.ray_address, config.np, worker_resources(segments), self.store, self.clock, self.inform
        )
