"""What makes an executor's runs jobs: directories, lock, summary, validation of a resume, and the event log.

An executor on one of our backends (`BackendExecutor`) is given all of that by `engine/run.py`, and uses `record` and `inform` for what only it
knows. An executor that does its work itself opens its job with `logged_job` (docs/extending.md).
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from data_juicer.engine.run_context import Observer, WatchedJob

if TYPE_CHECKING:
    from data_juicer.clock import Clock
    from data_juicer.config.schema import JobConfig
    from data_juicer.engine.lifecycle.open import OpenJob
    from data_juicer.engine.lifecycle.wanted import WantedJob
    from data_juicer.events.log import EventLog
    from data_juicer.events.types import AnyEvent
    from data_juicer.job.layout import JobLayout
    from data_juicer.job.lock import Lock
    from data_juicer.storage.base import Store
    from data_juicer.store.ledger import OperatorLedger


class EventLoggingMixin(Observer):
    """Holds the event log and the directories of the job, once it is open.

    The executor has `store` and `clock`.
    """

    store: Store
    clock: Clock
    log: EventLog | None = None
    layout: JobLayout | None = None
    _attempt: str = ""

    def job_opened(self, job: WatchedJob) -> None:
        from data_juicer.job.layout import attempt_name

        self.log, self.layout, self._attempt = job.log, job.layout, attempt_name(job.run, 1)

    def record(self, event: AnyEvent) -> None:
        """Add an event to the log of the job. Before it is open there is no log, and nothing to tell."""
        if self.log is not None:
            self.log.record(event)

    def inform(self, message: str) -> None:
        from data_juicer.events.types import InfoNotice

        self.record(InfoNotice(message=message))

    # ---- for an executor that does its work itself

    @contextlib.contextmanager
    def logged_job(self, config: JobConfig, *, partitions: int, rows: int) -> Iterator[OpenJob]:
        """A job of this executor's, open while the block runs: completed when it ends, failed or stopped when it raises.

        Its directories are made and claimed, `job_summary.json` is written, JOB_START and PROCESSING_START are recorded, and their
        counterparts at the end. A second driver is refused, and so is a job that was begun with other settings.

        Args:
            partitions: how many there will be PARTITION_COMPLETE events for, those of earlier runs included.
            rows: of the input.
        Raises: DataJuicerError: with the exit code that fits; what is on disk stays.
        """
        from data_juicer.engine.lifecycle.counts import CommittedCounts
        from data_juicer.engine.lifecycle.finish import fail, succeed
        from data_juicer.errors import ResumeRefusedError
        from data_juicer.job import lock as locks

        wanted = self._wanted(config)
        refusals = self.validate_resume(config)
        if refusals:
            raise ResumeRefusedError(f"{refusals[0]} Nothing was changed.")
        lock = locks.acquire(self.store, wanted.layout, self.clock, locks.Driver.here())
        with contextlib.ExitStack() as resources:
            resources.callback(lock.release)
            job = self._open(wanted, lock)
            resources.callback(job.close)
            self.job_opened(job)
            self._record_begin(wanted, job, partitions, rows)
            try:
                yield job
            except BaseException as error:
                fail(job, config, error)
                raise
            done = CommittedCounts(
                partitions=job.view.partitions_done, rows_in=job.view.rows_done, rows_out=job.view.rows_out
            )
            succeed(job, config, done)

    def validate_resume(self, config: JobConfig) -> tuple[str, ...]:
        """What speaks against going on with the job of these settings, a sentence each; nothing where it is new.

        Raises: JobError: its summary cannot be read.
        """
        from data_juicer.job import summary as summaries

        wanted = self._wanted(config)
        earlier = summaries.find(self.store, wanted.layout)
        if earlier is None or earlier.config_digest == wanted.digest:
            return ()
        other = (
            f"job {wanted.layout.job_id} was begun with other operators or settings that decide the result"
        )
        return (f"{other}; give this one a job_id of its own.",)

    def _wanted(self, config: JobConfig) -> WantedJob:
        """Raises: ConfigError, InputError."""
        from data_juicer.engine.lifecycle.wanted import find_wanted
        from data_juicer.job.claims import check_directories

        wanted = find_wanted(config, self.store, self.clock)
        check_directories(self.store, wanted.layout, socket.gethostname())
        return wanted

    def _open(self, wanted: WantedJob, lock: Lock) -> OpenJob:
        from data_juicer.backends.inline import InlineBackend
        from data_juicer.engine.lifecycle.environment import RunEnvironment
        from data_juicer.engine.lifecycle.open import open_job

        backend = InlineBackend(self.store, self.clock)  # nothing is ever submitted to it
        return open_job(wanted, RunEnvironment(store=self.store, clock=self.clock, backend=backend), lock)

    def _record_begin(self, wanted: WantedJob, job: OpenJob, partitions: int, rows: int) -> None:
        from data_juicer.events import payloads
        from data_juicer.events import types as t

        if not job.log.has_history:
            identity = payloads.JobIdentity(job_id=job.layout.job_id, config_digest=wanted.digest)
            job.log.record(t.JobStart(data=identity))
        plan = payloads.Plan(
            host=socket.gethostname(),
            pid=os.getpid(),
            backend=type(self).__name__,
            workers=1,
            partitions=partitions,
            partitions_done=job.view.partitions_done,
            rows=rows,
            rows_done=job.view.rows_done,
            rows_out=job.view.rows_out,
            operators=(),
        )
        job.log.record(t.ProcessingStart(data=plan))

    # ---- events of such an executor

    def partition_started(self, partition_id: int) -> None:
        from data_juicer.events.types import PartitionStart

        self.record(PartitionStart(partition_id=partition_id, attempt=self._attempt))

    def partition_completed(self, partition_id: int, *, rows_in: int, rows: int, duration_s: float) -> None:
        """Its result is durable.

        Args:
            rows_in: of the partition in the input.
            rows: of its result.
        """
        from data_juicer.events.payloads import AttemptOutcome
        from data_juicer.events.types import PartitionComplete

        outcome = AttemptOutcome(rows_in=rows_in)
        self.record(
            PartitionComplete(
                partition_id=partition_id,
                attempt=self._attempt,
                duration_s=duration_s,
                rows=rows,
                data=outcome,
            )
        )

    def operator_completed(self, partition_id: int, ledger: OperatorLedger) -> None:
        """What one operator made of the rows of a partition."""
        from data_juicer.events.types import OpComplete

        self.record(OpComplete.of(partition_id, self._attempt, ledger))
