"""The executor of one machine: worker processes, or this process (`executor_type: inline`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_juicer.core.executor.base import BackendExecutor
from data_juicer.job.naming import layout_of
from data_juicer.job.summary import has_completed

if TYPE_CHECKING:
    from data_juicer.config.schema import JobConfig
    from data_juicer.engine.protocol.backend import Backend


class LocalExecutor(BackendExecutor):
    def make_backend(self, config: JobConfig) -> Backend:
        if config.executor_type == "inline":
            from data_juicer.backends.inline import InlineBackend

            return InlineBackend(self.store, self.clock)
        self.need_store_for_workers(config)
        from data_juicer.backends.local.backend import LocalBackend
        from data_juicer.config.schema import usable_cores

        return LocalBackend(
            config.np or usable_cores(), self.clock, starts_early=not self._may_be_complete(config)
        )

    def _may_be_complete(self, config: JobConfig) -> bool:
        """Whether the job has completed before, so that no worker may be needed."""
        layout = layout_of(config, config.job_id or "")
        return config.job_id is not None and has_completed(self.store, layout)
