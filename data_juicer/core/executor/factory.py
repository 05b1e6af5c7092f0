"""executor_type -> backend."""

from __future__ import annotations

from data_juicer.clock import Clock
from data_juicer.config.schema import JobConfig
from data_juicer.run.backend import Backend
from data_juicer.store.filesystem import FileSystem


def make_backend(config: JobConfig, fs: FileSystem, clock: Clock) -> Backend:
    """The backend of a job. Local workers begin to start here, so call it as early as the configuration is known."""
    if config.executor_type == "inline":
        from data_juicer.backends.inline import InlineBackend

        return InlineBackend(fs, clock)
    from data_juicer.backends.local import LocalBackend

    return LocalBackend(config.np, clock)
