"""What every part of a run shares: the heartbeat, the request to stop, and those who watch."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from data_juicer.clock import Clock
from data_juicer.errors import COMMITTED_IS_SAFE, JobStoppedError
from data_juicer.events import types as t
from data_juicer.monitor.progress import format_progress_in_full, progress_of
from data_juicer.monitor.resources import ResourceSampler

if TYPE_CHECKING:
    from data_juicer.events.log import EventLog
    from data_juicer.events.types import Record
    from data_juicer.events.view import JobView
    from data_juicer.job.layout import JobLayout
    from data_juicer.job.lock import Lock
    from data_juicer.job.summary import JobSummary


TELL_S: Final = 60.0
"""How often events.log has a line that says how far the run is."""


class WatchedJob(Protocol):
    """What observers may know of an open job (`engine/lifecycle/open.py`)."""

    @property
    def run(self) -> int: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def layout(self) -> JobLayout: ...
    @property
    def log(self) -> EventLog: ...
    @property
    def view(self) -> JobView:
        """What the events so far come to."""

    @property
    def summary(self) -> JobSummary:
        """As it was written last."""


class Observer:
    """Observes what a run does, in the thread of its driver. A subclass overrides what it wants to know, and is quick."""

    def job_opened(self, job: WatchedJob) -> None:
        """The job is this process's, and its input was not read yet."""

    def event_recorded(self, record: Record) -> None:
        """An event was numbered; called for each, in order."""

    def heartbeat(self, activity: str) -> None:
        """The driver is alive; called often.

        Args:
            activity: what the driver does by itself and how far it is; empty while workers run tasks.
        """


def never() -> int | None:
    """No signal asks to stop."""
    return None


class RunControl(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller of a run decides about: who watches it, and what may stop it."""

    observers: Sequence[Observer] = ()
    stop_signal: Callable[[], int | None] = never
    """The signal that asked to stop, if one did; asked often from the first heartbeat on."""
    history: Callable[[bytes], None] | None = None
    """Given each event of the scheduler, a line each; `engine/scheduling/history.py` replays it."""


class RunContext:
    """One open job's heartbeat and request to stop."""

    def __init__(
        self,
        *,
        lock: Lock,
        log: EventLog,
        view: JobView,
        clock: Clock,
        control: RunControl | None = None,
        worker_pids: Callable[[], Sequence[int]] = tuple,
    ) -> None:
        """
        Args:
            worker_pids: processes of this machine whose resources are sampled beside the driver's.
        """
        self._lock = lock
        self._log = log
        self._view = view
        self._control = control or RunControl()
        self._worker_pids = worker_pids
        self._clock = clock
        self._reported_s = clock.monotonic_s()
        self._sampler = ResourceSampler(clock, os.getpid())

    def heartbeat(self, activity: str = "") -> None:
        """Renew the lease, sample resources, tell how far it is, flush events and tell the observers, each as often as it is due.

        Args:
            activity: what the driver does by itself and how far it is; empty while workers run tasks.
        Raises: JobLockedError: a later run owns the job.
        """
        self._lock.renew(self._view.rows_done, self._log.seq)
        usage = self._sampler.sample_when_due(self._worker_pids())
        if usage is not None:
            self._log.record(usage)
        self._tell_when_due(activity)
        self._log.flush_when_due()
        for observer in self._control.observers:
            observer.heartbeat(activity)

    def _tell_when_due(self, activity: str) -> None:
        """A line a minute for who reads the log alone."""
        if self._clock.monotonic_s() - self._reported_s < TELL_S:
            return
        self._reported_s = self._clock.monotonic_s()
        progress = progress_of(self._view, self._clock.now())
        line = activity or format_progress_in_full(progress).strip()
        self._log.record(t.InfoNotice(message=line, data={t.SHARE_DONE: round(progress.share, 4)}))

    def stop_signal(self) -> int | None:
        """The signal that asked to stop, if one did."""
        return self._control.stop_signal()

    def heartbeat_or_stop(self, activity: str = "") -> None:
        """A heartbeat of work that may end here.

        Raises: JobLockedError. JobStoppedError: a signal asked to stop.
        """
        self.heartbeat(activity)
        number = self.stop_signal()
        if number is not None:
            raise stopped_by(number)


def stopped_by(number: int) -> JobStoppedError:
    """The end of a run that a signal asked for."""
    return JobStoppedError(f"stopped by {signal.Signals(number).name}. {COMMITTED_IS_SAFE}.", number)
