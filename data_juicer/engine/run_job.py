"""A job from its configuration to its end: look up, lock, open, run, close."""

from __future__ import annotations

import contextlib
import socket

from data_juicer.config.schema import JobConfig
from data_juicer.engine.index.uses import keep_pins
from data_juicer.engine.lifecycle.disk_space import try_export_directory
from data_juicer.engine.lifecycle.environment import JobOutcome, RunEnvironment
from data_juicer.engine.lifecycle.open import open_job
from data_juicer.engine.lifecycle.wanted import (
    WantedJob,
    check_export,
    check_input,
    find_done,
    find_published,
    find_wanted,
)
from data_juicer.errors import JobLockedError, StoreError, before_anything_is_begun
from data_juicer.events.view import JobView
from data_juicer.job import lock as locks
from data_juicer.job.claims import check_directories
from data_juicer.plan.resume.committed import before_first_row
from data_juicer.storage.locations.remembering import remembering


def run_job(config: JobConfig, environment: RunEnvironment) -> JobOutcome:
    """Run a job, or go on with it, or find that it is complete. The backend is closed when this ends, however it ends.

    Raises: DataJuicerError: with the exit code that fits; what was committed stays.
    """
    with contextlib.ExitStack() as stack, contextlib.ExitStack() as workers:
        workers.callback(environment.backend.close)
        seen = remembering(environment.store)
        with before_anything_is_begun():
            wanted = find_wanted(config, seen, environment.clock)
        with before_first_row(environment.store, wanted.layout):
            check_directories(seen, wanted.layout, socket.gethostname())
            if (done := find_done(seen, wanted)) is not None:
                _tidy_up(wanted, environment)
                return JobOutcome(summary=done, view=JobView(), already_complete=True)
            check_input(seen, wanted)
            wanted = check_export(seen, wanted, environment.clock)
            try_export_directory(environment.store, wanted.export_path, wanted.layout.job_id)
            owner = locks.Driver.here()
            lock = locks.acquire(
                environment.store, wanted.layout, environment.clock, owner, environment.advisory
            )
            stack.callback(lock.release)
            lock.check_store()
            if (done := find_done(environment.store, wanted)) is not None:  # by who held the lock until now
                return JobOutcome(summary=done, view=JobView(), already_complete=True)
        try:
            with before_first_row(environment.store, wanted.layout):
                published = find_published(environment.store, wanted)
                job = open_job(wanted, environment, lock)
                stack.callback(job.close)
                keep_pins(job.store, job.layout, wanted.indexes, wanted.pins)
            for observer in environment.control.observers:
                observer.job_opened(job)
            from data_juicer.engine.run import Run  # a complete job ends before: it needs none of this

            return Run(wanted, environment, job, published).run(workers)
        except Exception:
            lock.fence()  # what a later run moved or removed looks like damage to this one
            raise


def _tidy_up(wanted: WantedJob, environment: RunEnvironment) -> None:
    """Remove what the last run of a complete job prepared and left, where it was killed before it gave the job free.

    Object stores hold nothing of that kind (`job/fence.py`), and each look costs a request there.
    """
    if environment.store.at(wanted.layout.job_dir).tells_changes:
        return
    owner = locks.find_owner(environment.store, wanted.layout)
    if owner is None or owner.released:
        return
    with contextlib.suppress(
        JobLockedError, StoreError
    ):  # it still runs, or the disk is read-only: the job is complete
        locks.acquire(
            environment.store, wanted.layout, environment.clock, locks.Driver.here(), environment.advisory
        ).release()
