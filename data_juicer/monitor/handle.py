"""One job as its files tell of it, live or ended: the one opening that commands, the API and the web page share.

It is in `monitor/`, above the events that it folds; `job/` is below them (docs/design/0060-documents.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from data_juicer.events import history
from data_juicer.events import types as t
from data_juicer.events.view import JobView
from data_juicer.job import summary as summaries
from data_juicer.job.find import FoundJob, find_job, is_job_alive
from data_juicer.job.layout import JobLayout
from data_juicer.job.summary import JobSummary
from data_juicer.monitor.facts import shown_status
from data_juicer.plan.resume.committed import CommittedWork, find_committed
from data_juicer.storage import open_store, serving
from data_juicer.storage.base import Store


@dataclass(frozen=True, kw_only=True)
class JobHandle:
    """No process of the job has to be alive. What is not asked for is not read."""

    store: Store
    layout: JobLayout
    """Where its directories are now."""
    summary: JobSummary

    @staticmethod
    def open(work_dir: str, job_id: str, store: Store | None = None) -> JobHandle:
        """The job of this name in a directory or below it, or the one whose folder `job_id` is the path of.

        Raises: JobNotFoundError, JobError: its summary cannot be read. ConfigError: there is no such directory.
        """
        store = store or open_store(work_dir, job_id if "/" in job_id else work_dir)
        return JobHandle.of(find_job(store, work_dir, job_id), store)

    @staticmethod
    def of(found: FoundJob, store: Store) -> JobHandle:
        """A job whose directory is known. Raises: JobNotFoundError, JobError."""
        summary = summaries.load(store, JobLayout.found(found.job_id, found.job_dir, {}))
        layout = JobLayout.found(found.job_id, found.job_dir, summary.directories)
        store = serving(store, *summary.directories.values(), summary.export_path or "")
        return JobHandle(store=store, layout=layout, summary=summary)

    @property
    def job_id(self) -> str:
        return self.layout.job_id

    @cached_property
    def view(self) -> JobView:
        """What its events come to. Raises: StoreError."""
        return history.read_view(self.store, self.layout)

    @cached_property
    def committed(self) -> CommittedWork:
        """How much of it is committed. Raises: StoreError."""
        return find_committed(self.store, self.layout)

    def events(self) -> Iterator[t.Record]:
        """Every event that the log still holds, the oldest first. Raises: StoreError."""
        return history.read_records(self.store, self.layout)

    def size_bytes(self) -> int:
        """Of all its files, those that lie outside its folder included; its export is none of them."""
        return sum(map(self.store.used_bytes, self.layout.claimed_directories()))

    def is_alive(self, now: datetime) -> bool:
        """Whether a driver works on it, as far as this machine can tell."""
        return is_job_alive(self.store, self.layout, now)

    def status(self, now: datetime) -> str:
        """The status for people: `interrupted` for a job whose driver died without a word."""
        return shown_status(self.summary, is_alive=self.is_alive(now))
