"""What a job is given from outside, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from data_juicer.clock import Clock
from data_juicer.engine.lifecycle.open import OpenJob
from data_juicer.engine.protocol.backend import Backend
from data_juicer.events.log import Listener
from data_juicer.events.view import JobView
from data_juicer.job.advisory import AdvisoryLock
from data_juicer.job.summary import JobSummary
from data_juicer.storage.base import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """How a job ended well."""

    summary: JobSummary
    view: JobView
    already_complete: bool = False
    """Nothing was done: an earlier run had completed the same job."""


@dataclass(slots=True, kw_only=True)
class RunEnvironment:
    """Where a job writes, which time it reads, who watches, who may stop it."""

    store: Store
    clock: Clock
    backend: Backend
    view: JobView = field(default_factory=JobView)
    listeners: Sequence[Listener] = ()
    tick: Callable[[], None] = lambda: None
    step: Callable[[str], None] = lambda _: None
    """Told what the driver does by itself and how far it is, often."""
    stop_asked: Callable[[], int | None] = lambda: None
    arguments: Sequence[str] = ()
    """Of the command line, for the resume command."""
    announce: Callable[[OpenJob], None] = lambda _: None
    """Called once the job is open, before its input is read."""
    advisory: AdvisoryLock | None = None
    """The lock of this machine; the operating system's unless a test gives its own."""
