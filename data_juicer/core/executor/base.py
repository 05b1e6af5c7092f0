"""What an executor is: it runs a job on one kind of backend. Executors assemble; what a run does stands in `run/`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from data_juicer.clock import Clock, SystemClock
from data_juicer.core.executor.event_logging_mixin import EventLoggingMixin
from data_juicer.storage.base import Store
from data_juicer.storage.posix import PosixStore

if TYPE_CHECKING:
    from data_juicer.config.schema import JobConfig
    from data_juicer.engine.lifecycle.environment import JobResult
    from data_juicer.engine.protocol.backend import Backend


class Executor(Protocol):
    def run(self, config: JobConfig) -> JobResult:
        """Run a job, or go on with it, or find that it is complete.

        Raises: DataJuicerError: with the exit code that fits; what was committed stays.
        """


class BackendExecutor(EventLoggingMixin, ABC):
    """An executor of jobs on this machine's files and clock."""

    def __init__(self, store: Store | None = None, clock: Clock | None = None, **surroundings: Any) -> None:
        """`surroundings`: further fields of `run.surroundings.RunEnvironment`."""
        self.store = store or PosixStore()
        self.clock = clock or SystemClock()
        self._surroundings = surroundings

    def run(self, config: JobConfig) -> JobResult:
        backend = self.make_backend(
            config
        )  # local workers begin to start here, while this process imports the rest
        try:
            from data_juicer.engine.lifecycle.environment import RunEnvironment
            from data_juicer.engine.run_job import run_job

            environment = RunEnvironment(
                store=self.store, clock=self.clock, backend=backend, **self._surroundings
            )
            environment.announce = self.following(environment.announce)
            return run_job(config, environment)
        finally:
            backend.close()

    @abstractmethod
    def make_backend(self, config: JobConfig) -> Backend:
        """The backend of this job; closed when the job ends."""
