"""What an executor is: it runs a job on one kind of backend. Executors assemble; `engine/` knows what a run does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

import msgspec

from data_juicer.clock import Clock, SystemClock
from data_juicer.core.executor.event_logging_mixin import EventLoggingMixin
from data_juicer.engine.run_context import RunControl
from data_juicer.errors import ConfigError, before_anything_is_begun
from data_juicer.job.naming import name_job
from data_juicer.storage import open_store
from data_juicer.storage.base import Store
from data_juicer.storage.posix import PosixStore

if TYPE_CHECKING:
    from data_juicer.config.schema import JobConfig
    from data_juicer.engine.lifecycle.environment import JobOutcome
    from data_juicer.engine.protocol.backend import Backend


class Executor(Protocol):
    def run(self, config: JobConfig) -> JobOutcome:
        """Run a job, or go on with it, or find that it is complete.

        Raises: DataJuicerError: with the exit code that fits; what was committed stays.
        """


class BackendExecutor(EventLoggingMixin, ABC):
    """An executor of jobs on this machine's files and clock."""

    def __init__(
        self, control: RunControl | None = None, *, store: Store | None = None, clock: Clock | None = None
    ) -> None:
        self.control = control or RunControl()
        self._given = store
        self.store = store or PosixStore()
        self.clock = clock or SystemClock()

    def run(self, config: JobConfig) -> JobOutcome:
        # Local workers begin to start here, while this process imports the rest. `run_job` closes the backend.
        with before_anything_is_begun():
            config, _ = name_job(config, self.clock)
            self.store = self._given or open_store(*config.locations())
            backend = self.make_backend(config)
        from data_juicer.engine.lifecycle.environment import RunEnvironment
        from data_juicer.engine.run_job import run_job

        watched = msgspec.structs.replace(self.control, observers=(self, *self.control.observers))
        environment = RunEnvironment(store=self.store, clock=self.clock, backend=backend, control=watched)
        return run_job(config, environment)

    def need_store_for_workers(self, config: JobConfig) -> None:
        """Workers of other processes open the store by its URI.

        Raises: ConfigError: it has none, so that they would read and write elsewhere.
        """
        if self.store.uri is None:
            raise ConfigError(
                f"executor_type: {config.executor_type}: its workers cannot open the store that was given, which no URI "
                "names. Nothing was changed; use executor_type: inline."
            )

    @abstractmethod
    def make_backend(self, config: JobConfig) -> Backend:
        """The backend of this job."""
