"""The jobs of the folders that are served, by a key that no name of a folder can forge."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
import xxhash

from data_juicer.errors import DataJuicerError, JobNotFoundError
from data_juicer.job.find import FoundJob, find_jobs
from data_juicer.job.summary import JobStatus
from data_juicer.monitor.handle import JobHandle
from data_juicer.printable import printable
from data_juicer.storage.base import Store
from data_juicer.web.feed import JobFeed

FEEDS_MAX: Final = 16
"""Jobs that are held in memory; the one that was asked for longest ago goes first."""


class JobEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A job in the list."""

    key: str
    job_id: str
    folder: str
    status: str
    created: str = ""
    rows: int = 0
    rows_done: int = 0
    rows_out: int = 0
    rows_dead_letter: int = 0
    problem: str | None = None


class ServedJobs:
    """Finds jobs, and follows those that somebody looks at. Any thread may call it."""

    def __init__(self, folders: Sequence[str], store: Store) -> None:
        self.store = store
        self._folders = tuple(folders)
        self._lock = threading.Lock()
        self._found: dict[str, FoundJob] = {}
        self._ended: dict[str, tuple[int, JobEntry]] = {}
        """Entries of jobs that are complete, with the time of their summary: they are not read again."""
        self._feeds: OrderedDict[str, JobFeed] = OrderedDict()

    def entries(self, now: datetime) -> tuple[JobEntry, ...]:
        """Every job, the newest first. Raises: ConfigError: a folder is gone."""
        found = {
            xxhash.xxh3_64_hexdigest(job.job_dir.encode(errors="surrogateescape")): job
            for folder in self._folders
            for job in find_jobs(self.store, folder)
        }
        with self._lock:
            self._found = found
        entries = [self._entry(key, job, now) for key, job in found.items()]
        return tuple(sorted(entries, key=lambda entry: entry.created, reverse=True))

    def feed(self, key: str, now: datetime) -> JobFeed:
        """The job of a key, followed from now on. Raises: JobNotFoundError. DataJuicerError: it cannot be read."""
        if key not in self._found:
            self.entries(now)
        with self._lock:
            found = self._found.get(key)
            if found is None:
                raise JobNotFoundError("there is no such job in the folders of this server.")
            if (feed := self._feeds.get(key)) is None:
                feed = self._feeds[key] = JobFeed(found, self.store)
            self._feeds.move_to_end(key)
            while len(self._feeds) > FEEDS_MAX:
                self._feeds.popitem(last=False)
            return feed

    def _entry(self, key: str, found: FoundJob, now: datetime) -> JobEntry:
        try:
            job = JobHandle.of(found, self.store)
            modified_ns = self.store.stat(job.layout.summary).modified_ns
        except (DataJuicerError, FileNotFoundError) as error:
            return JobEntry(
                key=key,
                job_id=printable(found.job_id),
                folder=printable(found.job_dir),
                status="damaged",
                problem=printable(str(error)),
            )
        known = self._ended.get(key)
        if known is not None and known[0] == modified_ns:
            return known[1]
        summary, counts = job.summary, job.summary.counts
        rows, rows_done = counts.rows, counts.rows_done
        if summary.status is not JobStatus.COMPLETED and job.committed.partitions is not None:
            rows, rows_done = job.committed.rows, job.committed.rows_done
        entry = JobEntry(
            key=key,
            job_id=printable(job.job_id),
            folder=printable(found.job_dir),
            status=job.status(now),
            created=summary.created,
            rows=rows,
            rows_done=rows_done,
            rows_out=counts.rows_out,
            rows_dead_letter=counts.rows_dead_letter,
        )
        if summary.status is JobStatus.COMPLETED:
            self._ended[key] = (modified_ns, entry)
        return entry
