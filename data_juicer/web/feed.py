"""One job followed for those who look at its page: what its files say now, again whenever that changed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec

from data_juicer.clock import Clock
from data_juicer.errors import DataJuicerError
from data_juicer.events import types as t
from data_juicer.events.tail import LogTail
from data_juicer.job.find import FoundJob
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.statistics.bounds import entries_of
from data_juicer.monitor.statistics.gather import read_stats
from data_juicer.monitor.statistics.report import StatsReport, fold_stats
from data_juicer.storage.base import Store
from data_juicer.web.costly import Costly
from data_juicer.web.document import JobDocument, committed_partitions, make_document
from data_juicer.web.history import HistoryFold
from data_juicer.web.rows import Samples, read_samples

_SAMPLES_S: Final = 2.0
"""For rows before and after; more of them are not looked for then."""
_ASK_EVERY: Final = 1_000
"""Events that are read before it is asked whether anybody still wants them."""


class JobFeed:
    """Follows one job. Any thread may call it; calls wait for each other, except that the log is read beside them."""

    def __init__(self, found: FoundJob, store: Store) -> None:
        """Raises: DataJuicerError: the job cannot be read."""
        self._found = found
        self._store = store
        self._lock = threading.Lock()
        self._job = JobHandle.of(found, store)
        self._tail = LogTail(store, self._job.layout)
        self._tail.skip_to_end()
        self._history = HistoryFold()
        self._history.set_committed(*committed_partitions(self._job))
        self._history.take_changed()
        self._late: list[t.Record] | None = None
        """What came while the log is read."""
        self._is_history_read = False
        self._is_whole_due = True
        self._seen: tuple[object, ...] = ()
        self._samples = Costly[Samples]()
        self._statistics = Costly[StatsReport]()

    @property
    def job(self) -> JobHandle:
        return self._job

    def read_history(self, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Read the whole log, which takes long if it is long; nothing where that was done.

        Args:
            is_wanted: asked often; False ends it before its end.
        Raises: StoreError.
        """
        with self._lock:
            if self._late is not None or self._is_history_read:
                return
            self._late = []
        history = HistoryFold()
        history.set_committed(*committed_partitions(self._job))
        for record in self._job.events():
            history.apply(record)
            if record.seq % _ASK_EVERY == 0 and not is_wanted():
                self._late = None
                return
        with self._lock:
            self._poll()
            for record in self._late:
                if (record.run, record.seq) > (history.run, history.seq):
                    history.apply(record)
            history.take_changed()
            self._history = history
            self._late = None
            self._is_history_read = self._is_whole_due = True

    def samples(self, clock: Clock) -> Samples:
        """Rows before and after operators, of some moment ago at most. Raises: StoreError."""

        def read(job: JobHandle) -> Samples:
            begun_s = clock.monotonic_s()
            return read_samples(job, lambda: clock.monotonic_s() - begun_s > _SAMPLES_S)

        stage, is_alive = self._stage(clock)
        return self._samples.get(stage, clock, lambda: read(self._job), may_rest=is_alive)

    def statistics(self, clock: Clock) -> StatsReport:
        """What filters measured, of some moment ago at most. Raises: StoreError."""

        def read(job: JobHandle) -> StatsReport:
            entries = entries_of(job.summary.config)
            return fold_stats(job.job_id, entries, read_stats(job.store, job.layout))

        stage, is_alive = self._stage(clock)
        return self._statistics.get(stage, clock, lambda: read(self._job), may_rest=is_alive)

    def _stage(self, clock: Clock) -> tuple[tuple[object, ...], bool]:
        """How far the job is, which is another stage once more is committed or its driver is gone, and whether a driver works."""
        is_alive = self._job.is_alive(clock.now())
        view = self._tail.view
        return (view.partitions_done, view.checkpoint_bytes, view.runs, is_alive), is_alive

    def whole_document(self, now: datetime) -> JobDocument:
        """The job as it is now, with the states of all partitions. Raises: DataJuicerError."""
        with self._lock:
            self._poll()
            return self._document(now, is_whole=True)

    def document_if_changed(self, now: datetime) -> JobDocument | None:
        """The job if it is other than when this was asked before. Raises: DataJuicerError."""
        with self._lock:
            self._poll()
            status = self._job.status(now)
            seen = (
                status,
                self._history.seq,
                self._tail.view.runs,
                self._is_history_read,
                self._ticks(status, now),
            )
            if seen == self._seen:
                return None
            self._seen = seen
            whole, self._is_whole_due = self._is_whole_due, False
            document = self._document(now, is_whole=whole)
            return msgspec.structs.replace(document, changed=tuple(self._history.take_changed()))

    def _ticks(self, status: str, now: datetime) -> int:
        """Changes every two seconds while a driver works: rate and time left do so without an event."""
        return int(now.timestamp() / 2) if status == "running" else 0

    def _document(self, now: datetime, *, is_whole: bool) -> JobDocument:
        if not self._job.is_alive(now):
            self._history.end_all()
        document = make_document(
            self._job, self._tail.view, self._history, now, is_history_read=self._is_history_read
        )
        states = self._history.states.decode() if is_whole else None
        return msgspec.structs.replace(document, states=states)

    def _poll(self) -> None:
        for record in self._tail.poll():
            self._history.apply(record)
            if self._late is not None:
                self._late.append(record)
        try:
            self._job = JobHandle.of(self._found, self._store)
        except DataJuicerError:  # half a second later it is whole again; what was known is shown meanwhile
            return
