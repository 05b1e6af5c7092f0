"""The log of the job that an executor runs, for what only the executor knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_juicer.engine.run_context import Observer, WatchedJob

if TYPE_CHECKING:
    from data_juicer.events.log import EventLog
    from data_juicer.events.types import AnyEvent
    from data_juicer.job.layout import JobLayout


class EventLoggingMixin(Observer):
    """Holds the event log and the directories of the job, once it is open."""

    log: EventLog | None = None
    layout: JobLayout | None = None

    def job_opened(self, job: WatchedJob) -> None:
        self.log, self.layout = job.log, job.layout

    def record(self, event: AnyEvent) -> None:
        """Add an event to the log of the job. Before it is open there is no log, and nothing to tell."""
        if self.log is not None:
            self.log.record(event)

    def inform(self, message: str) -> None:
        from data_juicer.events.types import InfoNotice

        self.record(InfoNotice(message=message))
